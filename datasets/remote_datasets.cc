#include "datasets/remote_datasets.h"

#include "framework/core/errors.h"

namespace tessera {
namespace {

std::vector<std::string> join(const std::vector<std::string>& folders, const std::string& file) {
  std::vector<std::string> out;
  for (const std::string& folder : folders) out.push_back(folder + file);
  return out;
}

/// The four files of MNIST's type, with their hashes in this order.
std::vector<RemoteFile> idx_files(const std::vector<std::string>& mirrors,
                                  const std::vector<std::string>& hashes) {
  const std::vector<std::string> names{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                       "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"};
  std::vector<RemoteFile> out;
  for (size_t i = 0; i < names.size(); ++i)
    out.push_back({names[i], join(mirrors, names[i]), hashes[i]});
  return out;
}

RemoteDataset mnist() {
  return {"mnist", "handwritten digits, 60,000 + 10,000, 28 x 28 grey", "CC BY-SA 3.0",
          idx_files({"https://ossci-datasets.s3.amazonaws.com/mnist/",
                     "https://storage.googleapis.com/cvdf-datasets/mnist/"},
                    {"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                     "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                     "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                     "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"})};
}

RemoteDataset fashion_mnist() {
  return {"fashion_mnist", "articles of clothing, 60,000 + 10,000, 28 x 28 grey (type: mnist)",
          "MIT",
          idx_files({"https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                     "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
                    {"3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                     "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                     "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                     "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"})};
}

RemoteDataset cifar10() {
  const std::string inside = "cifar-10-batches-bin/";
  return {"cifar10",
          "photographs of 10 classes, 50,000 + 10,000, 32 x 32 RGB",
          "none stated; cite Krizhevsky 2009",
          {{"cifar-10-binary.tar.gz",
            {"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"},
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            {inside + "data_batch_1.bin", inside + "data_batch_2.bin", inside + "data_batch_3.bin",
             inside + "data_batch_4.bin", inside + "data_batch_5.bin", inside + "test_batch.bin",
             inside + "batches.meta.txt"}}}};
}

RemoteDataset cifar100() {
  const std::string inside = "cifar-100-binary/";
  return {"cifar100",
          "photographs of 100 classes, 50,000 + 10,000, 32 x 32 RGB",
          "none stated; cite Krizhevsky 2009",
          {{"cifar-100-binary.tar.gz",
            {"https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"},
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            {inside + "train.bin", inside + "test.bin", inside + "fine_label_names.txt"}}}};
}

RemoteDataset multi30k() {
  const std::vector<std::string> mirrors{
      "https://raw.githubusercontent.com/multi30k/dataset/"
      "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/"};
  const std::vector<std::pair<std::string, std::string>> hashes{
      {"train.de.gz", "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"},
      {"train.en.gz", "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"},
      {"val.de.gz", "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"},
      {"val.en.gz", "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"},
      {"test_2016_flickr.de.gz",
       "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"},
      {"test_2016_flickr.en.gz",
       "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"}};
  RemoteDataset out{
      "multi30k", "captions in English and German, 29,000 + 1,014 + 1,000", "CC BY-NC-SA 4.0", {}};
  for (const auto& [name, hash] : hashes) out.files.push_back({name, join(mirrors, name), hash});
  return out;
}

RemoteDataset sst2() {
  return {"sst2",
          "sentences of film reviews, positive or negative (a .zip, left packed)",
          "cite Socher et al. 2013",
          {{"SST-2.zip",
            {"https://dl.fbaipublicfiles.com/glue/data/SST-2.zip"},
            "d67e16fb55739c1b32cdce9877596db1c127dc322d93c082281f64057c16deaa"}}};
}

RemoteDataset squad() {
  const std::vector<std::string> mirrors{
      "https://rajpurkar.github.io/SQuAD-explorer/dataset/",
      "https://raw.githubusercontent.com/rajpurkar/SQuAD-explorer/master/dataset/"};
  return {"squad",
          "questions and where in a text their answers stand (1.1), 87,599 + 10,570",
          "CC BY-SA 4.0",
          {{"train-v1.1.json", join(mirrors, "train-v1.1.json"),
            "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955"},
           {"dev-v1.1.json", join(mirrors, "dev-v1.1.json"),
            "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9"}}};
}

RemoteDataset tinyshakespeare() {
  return {"tinyshakespeare",
          "1.1 MB of plain text",
          "public domain",
          {{"input.txt",
            {"https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"
             "input.txt"},
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"}}};
}

}  // namespace

const std::vector<RemoteDataset>& remote_datasets() {
  static const std::vector<RemoteDataset> table{mnist(),    fashion_mnist(),  cifar10(),
                                                cifar100(), multi30k(),       sst2(),
                                                squad(),    tinyshakespeare()};
  return table;
}

const RemoteDataset& find_remote_dataset(const std::string& name) {
  std::string known;
  for (const RemoteDataset& data : remote_datasets()) {
    if (data.name == name) return data;
    known += (known.empty() ? "" : ", ") + data.name;
  }
  fail("[data] a data set to fetch must be one of ", known, "; got '", name, "'.");
}

}  // namespace tessera
