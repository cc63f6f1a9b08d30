// SPDX-License-Identifier: MIT
//
// Looked at by time of change, inode and size, following links: a file that was written over, renamed into place, or is behind
// a link that was (Kubernetes) has at least one that is new. Looking costs three system calls.
// Rejected: inotify, which sees the link's folder and not what is behind it, and needs a watch anew after each rename.
// Rejected: SIGHUP, which a container's usual tools cannot send, and which reaches the process and not this service.
#include <sluice/service/certificate_watch.hpp>

#include <string>

#include <sys/stat.h>

#include <sluice/observe/log.hpp>
#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::service {

CertificateWatch::Stamp CertificateWatch::stamp_of(const std::string& file) {
  struct stat found;
  if (::stat(file.c_str(), &found) != 0) return {};
  return {found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
}

CertificateWatch::Stamps CertificateWatch::stamps_of(const net::TlsServerOptions& files) {
  return {stamp_of(files.cert_file), stamp_of(files.key_file), stamp_of(files.client_ca_file)};
}

Result<void> CertificateWatch::run(Context& ctx) {
  do look(ctx);
  while (sleep(ctx, kLookEvery));
  return {};
}

void CertificateWatch::look(Context& ctx) {
  // Before they are read: what is written meanwhile is seen the next time.
  Stamps stamps = blocking([&] { return stamps_of(tls_.options()); });
  if (stamps == seen_) return;
  auto reloaded = tls_.reload(ctx);
  if (ctx.is_cancelled()) return;
  if (!reloaded) {
    log_.error("the certificate stays the old one: the new files cannot be used",
               {{"field", reloaded.error().field()}, {"detail", reloaded.error().detail()}});
  } else if (seen_) {
    log_.info("certificate reloaded", {{"file", std::string_view(tls_.options().cert_file)}});
  }
  seen_ = stamps;
}

}  // namespace sluice::service
