// SPDX-License-Identifier: MIT
#include <apps/epro/client/text_file.hpp>

#include <cerrno>
#include <string>
#include <utility>

#include <zlib.h>

#include <sluice/runtime/blocking.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Error;
using sluice::fail;
using sluice::Result;

// What a call of zlib's said, with errno as it was right after it.
struct Said {
  int value;
  int zlib_error;
  int error_number;
};

// Never inlined: after blocking() a fiber may be on another thread, where errno lives elsewhere.
[[gnu::noinline]] Said read_some(gzFile file, char* into, unsigned size) {
  errno = 0;
  int count = ::gzread(file, into, size);
  int error_number = errno;
  int zlib_error = Z_OK;
  ::gzerror(file, &zlib_error);
  return {count, zlib_error, error_number};
}

[[gnu::noinline]] std::pair<gzFile, int> open_file(const char* path) {
  errno = 0;
  gzFile file = ::gzopen(path, "rbe");  // e: closed in programs that we start
  return {file, errno};
}

}  // namespace

Result<std::unique_ptr<TextFile>> TextFile::open(sluice::Context& ctx, const std::filesystem::path& path) {
  SLUICE_TRY(ctx.check());
  auto [file, error_number] = sluice::blocking([&] { return open_file(path.c_str()); });
  if (file == nullptr && error_number == 0) return fail(Code::kResourceExhausted, "no memory to inflate into");
  if (file == nullptr) return fail(sluice::errno_error(error_number, "open " + path.filename().string()));
  return std::unique_ptr<TextFile>(new TextFile(file, path));
}

TextFile::~TextFile() {
  sluice::blocking([this] { return ::gzclose(file_); });  // nothing was written, so nothing can get lost
}

Result<std::string_view> TextFile::read(sluice::Context& ctx) {
  SLUICE_TRY(ctx.check());
  Said said = sluice::blocking([this] { return read_some(file_, piece_.data(), static_cast<unsigned>(piece_.size())); });
  if (said.value > 0) return std::string_view(piece_.data(), static_cast<std::size_t>(said.value));
  const std::string name = path_.filename().string();
  if (said.zlib_error == Z_BUF_ERROR) return fail(Code::kDataLoss, name + " ends within its compressed data");
  if (said.zlib_error == Z_ERRNO) return fail(sluice::errno_error(said.error_number, "read " + name));
  if (said.value < 0) return fail(Code::kDataLoss, name + " is damaged");
  return std::string_view();
}

}  // namespace epro
