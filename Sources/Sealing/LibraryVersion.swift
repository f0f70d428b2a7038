import COpenSSL

/// The OpenSSL that seals, such as `OpenSSL 3.0.17 1 Jul 2025`.
public var openSSLVersion: String { String(cString: OpenSSL_version(OPENSSL_VERSION)) }
