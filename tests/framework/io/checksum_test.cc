#include "framework/io/checksum.h"

#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("sha256: the examples of FIPS 180-4 and lengths around a block's end") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  for (const size_t length : {55, 56, 63, 64, 65, 119, 120, 128}) {
    const std::string text(length, 'x');
    Sha256 in_pieces;
    for (const char& c : text) in_pieces.update(&c, 1);
    CHECK(in_pieces.finish() == sha256(text));
  }
}

TEST_CASE("sha256 of a file") {
  const TemporaryFolder folder;
  write_bytes(folder / "a", std::string(3000000, 'b'));
  CHECK(sha256_of_file(folder / "a") == sha256(std::string(3000000, 'b')));
  CHECK(contains(error_of<std::runtime_error>([&] { sha256_of_file(folder / "none"); }),
                 "must be readable; got: No such file"));
}

TEST_CASE("crc32c: the vectors of RFC 3720, B.4") {
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
}
