#!/usr/bin/env bash
# To run in the root of a tree of branch cuda with a CUDA build in ${BUILD:-build} (targets: tessera,
# test_ops, test_core, test_layers, test_train, test_infer). About 3 minutes.
B=${BUILD:-build}
t() { find $B/tests -type f -name "test_$1" -perm -u+x | head -1; }
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
echo "== tests"
TESSERA_OP_GRID=1 $(t ops) -tc='conv2d*,linear*,columns*,batch_norm*' 2>&1 | tail -n 25
$(t core) -tc='*CUDA*,*pool*' 2>&1 | tail -n 15
$(t train) -tc='*CUDA*' 2>&1 | tail -n 40
$(t infer) -tc='*CUDA*' 2>&1 | tail -n 40
echo "== resnet50, heuristics and measured engines, in turn"
for round in 1 2 3; do
  for flag in "" --autotune; do
    $B/tessera bench train --model resnet50 --image-size 224 --batch 128 --device cuda --precision bf16 --json $flag
  done
done
echo "== resnet50 without graphs, measured"
$B/tessera bench train --model resnet50 --image-size 224 --batch 128 --device cuda --precision bf16 --json --autotune --no-cuda-graphs
for m in vgg16:224:64 resnet18:32:128 vgg16_bn:32:128; do
  IFS=: read name size batch <<<$m
  for flag in "" --autotune; do
    $B/tessera bench train --model $name --image-size $size --batch $batch --device cuda --precision bf16 --json $flag
  done
done
echo "== against PyTorch"
timeout 300 python3 tests/bench/train_throughput_torch.py $B/tessera --models resnet50:224:128 2>/dev/null
echo "== kernels of one eager step or so (heuristics), by time"
if command -v ncu >/dev/null; then
  timeout 200 ncu --clock-control none --csv --metrics gpu__time_duration.sum --launch-skip 2000 --launch-count 900 \
    $B/tessera bench train --model resnet50 --image-size 224 --batch 128 --device cuda --precision bf16 --no-cuda-graphs --steps 1 --warmup 4 >/tmp/ncu.csv 2>/tmp/ncu.err
  python3 - <<'PY'
import csv, collections
rows=[l for l in open('/tmp/ncu.csv') if l.startswith('"')]
t=collections.Counter(); n=collections.Counter()
for r in csv.DictReader(rows):
    k=r['Kernel Name'][:110]; v=float(r['Metric Value'].replace(',','')); u=r['Metric Unit']
    v*= {'ns':1e-6,'nsecond':1e-6,'us':1e-3,'usecond':1e-3,'ms':1,'msecond':1}.get(u,1)
    t[k]+=v; n[k]+=1
print('total ms', sum(t.values()), 'launches', sum(n.values()))
for k,v in t.most_common(40): print('%8.3f ms %4d  %s'%(v,n[k],k))
PY
fi
