#include "framework/io/atomic_file.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/framework/io/full_disk.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;
namespace fs = std::filesystem;

TEST_CASE("the target appears at commit and replaces what was there") {
  const TemporaryFolder folder;
  const auto target = folder / "a.bin";
  write_bytes(target, "old");
  {
    AtomicFile file(target);
    file.write("new ");
    file.write("contents");
    CHECK(read_bytes(target) == "old");
    file.commit();
    CHECK(contains(error_of<std::invalid_argument>([&] { file.write("x"); }), "before commit()"));
    CHECK(contains(error_of<std::invalid_argument>([&] { file.commit(); }), "called once"));
  }
  CHECK(read_bytes(target) == "new contents");
  CHECK(folder.names() == std::vector<std::string>{"a.bin"});
}

TEST_CASE("without commit nothing is left") {
  const TemporaryFolder folder;
  {
    AtomicFile file(folder / "a.bin");
    file.write("half");
    CHECK(folder.names().size() == 1);
  }
  CHECK(folder.names().empty());
}

TEST_CASE("a file in the current folder needs no folder in its name") {
  const TemporaryFolder folder;
  const auto before = fs::current_path();
  fs::current_path(folder.path());
  write_file_atomically("here.txt", "x");
  fs::current_path(before);
  CHECK(read_bytes(folder / "here.txt") == "x");
}

TEST_CASE("a symbolic link is followed, not replaced") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "elsewhere");
  write_bytes(folder / "elsewhere/real", "old");
  fs::create_symlink("elsewhere/real", folder / "link");
  write_file_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_bytes(folder / "elsewhere/real") == "new");
}

TEST_CASE("folders that cannot be written to") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "folder");
  struct Case {
    fs::path target;
    const char* message;
  };
  for (const Case& test : std::vector<Case>{
           {folder / "missing/a.bin", "must exist; got none"},
           {folder / "folder", "got a folder"},
           {"/dev/full", "got a device"},
           {"/sys/a.bin", "[write] /sys/a.bin must be writable; got: "},
       }) {
    CAPTURE(test.target);
    const auto error = error_of<std::runtime_error>([&] { AtomicFile file(test.target); });
    CAPTURE(error);
    CHECK(contains(error, test.message));
  }
}

TEST_CASE("a full disk leaves the old file and no temporary") {
  const TemporaryFolder folder;
  write_bytes(folder / "a.bin", "old");
  const auto error = error_of<std::runtime_error>([&] {
    const FullDisk full(4096);
    write_file_atomically(folder / "a.bin", std::string(100000, 'x'));
  });
  CHECK(contains(error, "a.bin must be writable; got: File too large. Free some space"));
  CHECK(read_bytes(folder / "a.bin") == "old");
  CHECK(folder.names() == std::vector<std::string>{"a.bin"});
}

namespace {

/// A process that is killed in the middle of writing `target`.
void kill_a_writer_of(const fs::path& target) {
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(target);
    file.write("half");
    ::raise(SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

}  // namespace

TEST_CASE("what a killed writer left is removed by the next, and by the sweep") {
  const TemporaryFolder folder;
  write_bytes(folder / "a.bin", "old");
  write_bytes(folder / ".a.bin.mine.tmp", "not one of ours");
  kill_a_writer_of(folder / "a.bin");
  CHECK(folder.names().size() == 3);
  CHECK(read_bytes(folder / "a.bin") == "old");

  write_file_atomically(folder / "a.bin", "new");
  CHECK(read_bytes(folder / "a.bin") == "new");
  CHECK(folder.names().size() == 2);

  kill_a_writer_of(folder / "b.bin");
  CHECK(folder.names().size() == 3);
  remove_stale_temporaries(folder.path());
  CHECK(folder.names().size() == 2);
  CHECK(read_bytes(folder / ".a.bin.mine.tmp") == "not one of ours");
  remove_stale_temporaries(folder / "missing");
}

TEST_CASE("a living writer keeps its temporary") {
  const TemporaryFolder folder;
  AtomicFile first(folder / "a.bin");
  first.write("first");
  AtomicFile second(folder / "a.bin");
  second.write("second");
  remove_stale_temporaries(folder.path());
  first.commit();
  CHECK(read_bytes(folder / "a.bin") == "first");
  second.commit();
  CHECK(read_bytes(folder / "a.bin") == "second");
}
