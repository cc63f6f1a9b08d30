// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <gtest/gtest.h>

#include <sluice/base/scratch_folder_test.hpp>

namespace sluice::net {

/// Vouches for the servers and clients of a test. Makes its certificates when the test runs, so that none is ever too old.
class TestAuthority {
 public:
  struct Subject {
    std::string name = "server.test";
    std::string address = "127.0.0.1";
    std::chrono::hours begins = std::chrono::hours(-1);  ///< from now
    std::chrono::hours ends = std::chrono::hours(24);
  };
  /// Paths of PEM files.
  struct Files {
    std::string cert, key;
  };

  explicit TestAuthority(const std::string& name = "ca") : key_(EVP_EC_gen("P-256")) {
    certificate_ = make({.name = name}, key_.get(), nullptr);
    write(ca_file(), [&](BIO* out) { PEM_write_bio_X509(out, certificate_.get()); });
  }

  /// A new key and a certificate for it, in files named after `file`; those of an earlier one are replaced.
  Files issue(const Subject& subject, const std::string& file = "server") {
    OwnedKey key(EVP_EC_gen("P-256"));
    auto certificate = make(subject, key.get(), certificate_.get());
    Files files{path(file + ".pem"), path(file + ".key")};
    write(files.cert, [&](BIO* out) { PEM_write_bio_X509(out, certificate.get()); });
    write(files.key, [&](BIO* out) { PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    return files;
  }

  [[nodiscard]] std::string ca_file() const { return path("ca.pem"); }
  [[nodiscard]] std::string path(std::string_view file) const { return (folder_.path() / file).string(); }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    void operator()(X509_EXTENSION* extension) const noexcept { X509_EXTENSION_free(extension); }
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
  };
  using OwnedKey = std::unique_ptr<EVP_PKEY, Free>;
  using OwnedCertificate = std::unique_ptr<X509, Free>;

  // Null issuer: signs itself.
  OwnedCertificate make(const Subject& subject, EVP_PKEY* key, X509* issuer) {
    OwnedCertificate made(X509_new());
    X509* x = made.get();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(x), std::chrono::seconds(subject.begins).count());
    X509_gmtime_adj(X509_getm_notAfter(x), std::chrono::seconds(subject.ends).count());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(subject.name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    X509_set_pubkey(x, key);
    if (issuer) {
      extend(x, NID_subject_alt_name, "DNS:" + subject.name + ",IP:" + subject.address);
    } else {
      extend(x, NID_basic_constraints, "critical,CA:TRUE");
    }
    EXPECT_GT(X509_sign(x, key_.get(), EVP_sha256()), 0);
    return made;
  }

  static void extend(X509* x, int nid, const std::string& value) {
    std::unique_ptr<X509_EXTENSION, Free> extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
    EXPECT_EQ(X509_add_ext(x, extension.get(), -1), 1) << value;
  }

  template <class Write>
  static void write(const std::string& file, Write write_pem) {
    std::unique_ptr<BIO, Free> out(BIO_new_file(file.c_str(), "w"));
    ASSERT_NE(out, nullptr) << file;
    write_pem(out.get());
  }

  ScratchFolder folder_;
  OwnedKey key_;
  OwnedCertificate certificate_;
  long serial_ = 0;
};

}  // namespace sluice::net
