#include "datasets/fetch.h"

#include "datasets/download.h"
#include "framework/io/checksum.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using State = FileStatus::State;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct TarEntry {
  std::string name;
  std::string contents;
  char type = '0';
};

void append_entry(const TarEntry& entry, Bytes& out) {
  std::string header(512, '\0');
  header.replace(0, entry.name.size(), entry.name);
  const auto put_octal = [&](size_t at, size_t digits, uint64_t value) {
    for (size_t i = digits; i-- > 0; value >>= 3)
      header[at + i] = static_cast<char>('0' + value % 8);
  };
  put_octal(124, 11, entry.contents.size());
  header[156] = entry.type;
  header.replace(257, 5, "ustar");
  header.replace(148, 8, 8, ' ');
  uint64_t sum = 0;
  for (const char c : header) sum += static_cast<uint8_t>(c);
  put_octal(148, 6, sum);
  header[154] = '\0';
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), entry.contents.begin(), entry.contents.end());
  out.resize((out.size() + 511) / 512 * 512);
}

Bytes tar_gz(const std::vector<TarEntry>& entries) {
  Bytes out;
  for (const TarEntry& entry : entries) append_entry(entry, out);
  out.resize(out.size() + 1024);
  return gzip(out);
}

/// A data set "toy" whose one file lies at `source`.
RemoteDataset toy(const std::filesystem::path& source, const std::string& contents) {
  return {"toy", "", "", {{"file.bin", {"file://" + source.string()}, sha256(contents)}}};
}

}  // namespace

TEST_CASE("remote data sets: every file has mirrors and a hash") {
  for (const RemoteDataset& data : remote_datasets()) {
    INFO(data.name);
    CHECK_FALSE(data.files.empty());
    CHECK_FALSE(data.licence.empty());
    for (const RemoteFile& file : data.files) {
      CHECK(file.sha256.size() == 64);
      CHECK(file.sha256.find_first_not_of("0123456789abcdef") == std::string::npos);
      REQUIRE_FALSE(file.mirrors.empty());
      for (const std::string& url : file.mirrors) CHECK(url.ends_with("/" + file.name));
    }
  }
  check_message(message_of([] { find_remote_dataset("mnits"); }), "one of mnist, fashion_mnist");
}

TEST_CASE("remote data sets: the published hash is that of the real file") {
  const auto folder = real_data("mnist-t10k");
  if (folder.empty()) return;
  CHECK(sha256_of_file(folder / "t10k-images-idx3-ubyte.gz") ==
        find_remote_dataset("mnist").files[2].sha256);
}

TEST_CASE("unpack: files, folders and padding") {
  const TemporaryFolder folder;
  const std::string large(200000, 'x');
  const auto archive = folder.write("a.tar.gz", tar_gz({{"top/", "", '5'},
                                                        {"pax", "30 mtime=1\n", 'x'},
                                                        {"top/one.txt", "one"},
                                                        {"top/deep/two.txt", large},
                                                        {"top/empty", ""}}));
  unpack_tar_gz(archive, folder.path());
  CHECK(text_of(folder / "top/one.txt") == "one");
  CHECK(text_of(folder / "top/deep/two.txt") == large);
  CHECK(std::filesystem::file_size(folder / "top/empty") == 0);
  CHECK_FALSE(std::filesystem::exists(folder / "pax"));
}

TEST_CASE("unpack: hostile and damaged archives leave nothing behind") {
  Bytes wrong_checksum;
  append_entry({"a", "b"}, wrong_checksum);
  wrong_checksum[0] = 'z';
  Bytes cut;
  append_entry({"a", std::string(5000, 'b')}, cut);
  cut.resize(2048);
  Bytes unended;
  append_entry({"a", "b"}, unended);
  struct Case {
    Bytes archive;
    std::string message;
  };
  for (const Case& test : std::vector<Case>{
           {tar_gz({{"good", "1"}, {"../evil", "2"}}), "names without '..'; got '../evil'"},
           {tar_gz({{"a/../../evil", "2"}}), "names without '..'"},
           {tar_gz({{"/tmp/evil", "2"}}), "relative names"},
           {tar_gz({{"link", "", '2'}}), "regular files and folders only; got 'link' of type '2'"},
           {tar_gz({{"hard", "", '1'}}), "regular files and folders only"},
           {tar_gz({{"", "x"}}), "relative names"},
           {gzip(wrong_checksum), "got a wrong checksum"},
           {gzip(cut), "got an archive that is cut off"},
           {gzip(unended), "must end with an empty block"},
           {Bytes(600, 'x'), "must be a gzip file"},
           {Bytes{}, "must be a gzip file"},
       }) {
    const TemporaryFolder folder;
    const auto archive = folder.write("in/a.tar.gz", test.archive);
    check_message(message_of([&] { unpack_tar_gz(archive, folder / "in/out"); }), test.message);
    std::filesystem::remove(archive);
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
      files += entry.is_regular_file();
    CHECK(files == 0);
  }
}

TEST_CASE("fetch: download, verify, repair") {
  if (!can_download()) {
    MESSAGE("skipped: this build has no libcurl");
    return;
  }
  const TemporaryFolder folder;
  const std::string contents(100000, 'd');
  const RemoteDataset data = toy(folder.write("mirror/file.bin", contents), contents);
  const auto root = folder / "root";
  const auto target = root / "toy/file.bin";
  CHECK(verify_dataset(data, root)[0].state == State::missing);
  int64_t last = 0;
  fetch_dataset(data, root, [&](const RemoteFile&, int64_t bytes, int64_t) { last = bytes; });
  CHECK(last == 100000);
  CHECK(verify_dataset(data, root)[0].state == State::ok);
  CHECK(text_of(target) == contents);
  CHECK_FALSE(std::filesystem::exists(root / "toy/file.bin.part"));

  folder.write("root/toy/file.bin", "damaged");
  CHECK(verify_dataset(data, root)[0].state == State::corrupted);
  fetch_dataset(data, root);
  CHECK(text_of(target) == contents);
}

TEST_CASE("fetch: a part is continued, a wrong part is thrown away") {
  if (!can_download()) return;
  const std::string contents = std::string(50000, 'a') + std::string(50000, 'b');
  struct Case {
    std::string part;
    bool continued;
  };
  for (const Case& test : std::vector<Case>{{contents.substr(0, 60000), true},
                                            {contents, true},
                                            {std::string(60000, 'z'), false},
                                            {contents + "and more", false}}) {
    const TemporaryFolder folder;
    const RemoteDataset data = toy(folder.write("mirror/file.bin", contents), contents);
    folder.write("root/toy/file.bin.part", test.part);
    int64_t first = -1;
    fetch_dataset(data, folder / "root", [&](const RemoteFile&, int64_t bytes, int64_t) {
      if (first < 0) first = bytes;
    });
    CHECK(text_of(folder / "root/toy/file.bin") == contents);
    if (test.part.size() == 60000 && test.continued) CHECK(first >= 60000);
    if (test.part == contents) CHECK(first == -1);  // nothing left to transfer
  }
}

TEST_CASE("fetch: mirrors in turn; every failure is named") {
  if (!can_download()) return;
  setenv("no_proxy", "127.0.0.1", 1);  // a proxy would answer for the closed port
  const TemporaryFolder folder;
  RemoteDataset data = toy(folder.write("mirror/file.bin", "contents"), "contents");
  const std::string good = data.files[0].mirrors[0];
  const std::string wrong = "file://" + folder.write("wrong/file.bin", "others").string();
  const std::string closed = "http://127.0.0.1:1/file.bin";  // no server has port 1
  data.files[0].mirrors = {"file:///nowhere/file.bin", wrong, closed};
  const std::string message = message_of([&] { fetch_dataset(data, folder / "root"); });
  check_message(message, "must come from one of its mirrors; got none that worked");
  check_message(message, "file:///nowhere/file.bin: ");
  check_message(message, wrong + ": the SHA-256 of what came is not " + sha256("contents"));
  CHECK_FALSE(std::filesystem::exists(folder / "root/toy/file.bin"));

  data.files[0].mirrors = {closed};
  check_message(message_of([&] { fetch_dataset(data, folder / "root"); }), "got no network:");
  CHECK_FALSE(std::filesystem::exists(folder / "root/toy/file.bin.part"));
  data.files[0].mirrors = {closed, wrong, good};
  fetch_dataset(data, folder / "root");
  CHECK(text_of(folder / "root/toy/file.bin") == "contents");
}

TEST_CASE("fetch: archives are unpacked, and unpacked again where files are gone") {
  if (!can_download()) return;
  const TemporaryFolder folder;
  const Bytes archive = tar_gz({{"top/one", "1"}, {"top/two", "2"}});
  RemoteDataset data =
      toy(folder.write("mirror/file.bin", archive), std::string(archive.begin(), archive.end()));
  data.files[0].unpacked = {"top/one", "top/two"};
  const auto root = folder / "root";
  fetch_dataset(data, root);
  std::filesystem::remove(root / "toy/top/two");
  CHECK(verify_dataset(data, root)[2].state == State::missing);
  fetch_dataset(data, root);
  CHECK(text_of(root / "toy/top/two") == "2");
  data.files[0].unpacked = {"top/three"};
  check_message(message_of([&] { fetch_dataset(data, root); }), "must unpack to top/three");
}

TEST_CASE("fetch: a folder that cannot be made") {
  const TemporaryFolder folder;
  const auto root = folder.write("file", "in the way");
  check_message(message_of([&] { fetch_dataset(toy("x", "y"), root); }),
                "must be a folder that can be written");
}
