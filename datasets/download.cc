#include "datasets/download.h"

#include "framework/core/errors.h"

#ifdef TESSERA_CURL
#include <curl/curl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#endif

namespace tessera {

#ifdef TESSERA_CURL

namespace {

constexpr long kConnectSeconds = 20;
constexpr long kStalledSeconds = 60;  // without a byte

struct Transfer {
  std::FILE* file = nullptr;
  int64_t start = 0;  // bytes that were here before
  int write_error = 0;
  const std::function<void(int64_t, int64_t)>* progress = nullptr;
};

size_t on_data(char* data, size_t size, size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const size_t written = std::fwrite(data, 1, size * count, transfer.file);
  if (written < size * count) transfer.write_error = errno;
  return written;
}

int on_progress(void* context, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
  const auto& transfer = *static_cast<Transfer*>(context);
  if (*transfer.progress)
    (*transfer.progress)(transfer.start + now, total > 0 ? transfer.start + total : 0);
  return 0;
}

void set_options(CURL* curl, const std::string& url, Transfer& transfer, char* error) {
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "tessera");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStalledSeconds);
  curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.start));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
}

DownloadResult result_of(CURLcode code, const char* detail) {
  DownloadResult out;
  out.complete = code == CURLE_OK;
  out.no_network = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
                   code == CURLE_COULDNT_CONNECT;
  // An HTTP error while resuming: 416, where the part is as long as the file or longer.
  out.cannot_resume = code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME ||
                      code == CURLE_HTTP_RETURNED_ERROR || code == CURLE_FILE_COULDNT_READ_FILE;
  if (!out.complete) out.error = *detail != '\0' ? detail : curl_easy_strerror(code);
  return out;
}

}  // namespace

bool can_download() { return true; }

DownloadResult download(const std::string& url, const std::filesystem::path& part,
                        const std::function<void(int64_t, int64_t)>& progress) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  require_runtime(started == CURLE_OK && curl != nullptr, "[fetch] libcurl must start; got ",
                  curl_easy_strerror(started), ".");
  Transfer transfer;
  transfer.progress = &progress;
  transfer.file = std::fopen(part.c_str(), "ab");
  require_runtime(transfer.file != nullptr, "[fetch] ", part.string(),
                  " must be writable; got: ", std::strerror(errno), ".");
  std::error_code error;
  transfer.start = static_cast<int64_t>(std::filesystem::file_size(part, error));
  char detail[CURL_ERROR_SIZE] = "";
  set_options(curl.get(), url, transfer, detail);
  const CURLcode code = curl_easy_perform(curl.get());
  if (std::fclose(transfer.file) != 0 && transfer.write_error == 0) transfer.write_error = errno;
  require_runtime(transfer.write_error == 0, "[fetch] ", part.string(),
                  " must be written; got: ", std::strerror(transfer.write_error), ".");
  return result_of(code, detail);
}

#else

bool can_download() { return false; }

DownloadResult download(const std::string&, const std::filesystem::path&,
                        const std::function<void(int64_t, int64_t)>&) {
  fail_runtime("[fetch] downloading needs libcurl; this build has none.");
}

#endif

}  // namespace tessera
