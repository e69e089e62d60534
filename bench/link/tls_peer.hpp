// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>

#include <memory>
#include <stdexcept>

namespace bench {

/// TLS 1.3 as a careful user of OpenSSL would set it up between two programs that know each other:
/// AES-256-GCM, X25519, an Ed25519 certificate at both ends, each signature checked, no tickets.
class tls_peer {
 public:
  using stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;
  using context_type = boost::asio::ssl::context;

  tls_peer() : context_(context_type::tlsv13) {
    SSL_CTX* const raw = context_.native_handle();
    const pointer<EVP_PKEY, EVP_PKEY_free> key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
    const pointer<X509, X509_free> certificate = self_signed(key.get());
    require(SSL_CTX_set_ciphersuites(raw, "TLS_AES_256_GCM_SHA384"));
    require(SSL_CTX_set1_groups_list(raw, "X25519"));
    require(SSL_CTX_use_certificate(raw, certificate.get()));
    require(SSL_CTX_use_PrivateKey(raw, key.get()));
    require(SSL_CTX_set_num_tickets(raw, 0));
    // Both ends show the one certificate that both trust.
    require(X509_STORE_add_cert(SSL_CTX_get_cert_store(raw), certificate.get()));
    context_.set_verify_mode(boost::asio::ssl::verify_peer |
                             boost::asio::ssl::verify_fail_if_no_peer_cert);
  }

  context_type& context() { return context_; }

 private:
  template <class T, void (*Release)(T*)>
  struct releasing {
    void operator()(T* object) const { Release(object); }
  };
  template <class T, void (*Release)(T*)>
  using pointer = std::unique_ptr<T, releasing<T, Release>>;

  static void require(long succeeded) {
    if (succeeded != 1) throw std::runtime_error{"OpenSSL refuses the benchmark's set-up"};
  }

  static pointer<X509, X509_free> self_signed(EVP_PKEY* key) {
    pointer<X509, X509_free> made{X509_new()};
    require(X509_set_version(made.get(), 2));
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 24 * 3600);
    require(X509_set_pubkey(made.get(), key));
    X509_NAME* const name = X509_get_subject_name(made.get());
    require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                       reinterpret_cast<const unsigned char*>("bench"), -1, -1, 0));
    require(X509_set_issuer_name(made.get(), name));
    if (X509_sign(made.get(), key, nullptr) == 0)
      throw std::runtime_error{"OpenSSL cannot sign the benchmark's certificate"};
    return made;
  }

  context_type context_;
};

}  // namespace bench
