import AuditLog
import Glibc

/// What a service is started with.
struct ServiceOptions: Sendable {
    var folder: String
    var listen = "127.0.0.1:8400"
    var managementListen = "127.0.0.1:9464"
    var publicURL: String?
    var providerFolders: [String] = []
    var tlsCertificate: String?
    var tlsKey: String?
    var isDevelopment = false
    var allowedReturns: [String] = []
    /// Networks in CIDR form that providers may live in although they are private.
    var allowedNetworks: [String] = []
    /// Ports that providers may listen on besides 443 and 8443.
    var allowedPorts: [Int] = []
    /// In seconds.
    var providerTimeout = 30
    /// How many background refreshes begin at one host in a second.
    var refreshRate = 50
    /// A PEM file of certificate authorities to trust besides the system's.
    var trustedCertificates: String?
    var masterKeyFile: String?
    /// `MasterKeyPlace`; counts before `masterKeyFile`.
    var masterKey: String?
    var previousMasterKey: String?
    var audit = FileAuditSink.Settings()
    /// For a folder that is looked at once and thrown away.
    var isTrial = false

    init(folder: String) {
        self.folder = folder
    }

    var databasePath: String { folder + "/credence.db" }
    var auditPath: String { folder + "/audit.log" }
    var masterKeyPath: String { masterKeyFile ?? folder + "/master.key" }
    var socketPath: String { folder + "/admin.sock" }

    /// Stands where the public URL is not known: no browser gets anywhere with it.
    static let unknownPublicURL = "https://public-url.invalid"

    /// What the service was last reached by, for the verbs that run without it.
    var rememberedPublicURL: String? {
        PrivateFile.read(publicURLPath, limit: 4096).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Best effort: without it, verbs say that they do not know.
    func rememberPublicURL() {
        guard let publicURL else { return }
        let descriptor = open(publicURLPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        let bytes = Array(publicURL.utf8)
        _ = write(descriptor, bytes, bytes.count)
        close(descriptor)
    }

    private var publicURLPath: String { folder + "/public-url" }

    static let systemdCredential = "credence-master-key"
}

/// `HOST:PORT` or `[IPv6]:PORT`.
struct ListenAddress: Sendable {
    var host: String
    var port: Int

    init(_ text: String, option: String) throws {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw CommandFailure(.usage, "\(option) takes HOST:PORT, not '\(text)'.") }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { throw CommandFailure(.usage, "\(option) takes HOST:PORT, not '\(text)'.") }
        self.host = host
        self.port = port
    }

    var isLoopback: Bool { ["localhost", "127.0.0.1", "::1"].contains(host) }

    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// A port that is free now, in place of 0: redirect URIs need to know it before the service listens.
    func withPort() throws -> ListenAddress {
        guard port == 0 else { return self }
        // It stays bound and never listens: nobody else is given the port until the service, which may share it
        // (SO_REUSEADDR), listens there.
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var shares: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &shares, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard bound else { throw CommandFailure(.failed, "No free port could be found.") }
        var chosen = self
        chosen.port = Int(UInt16(bigEndian: address.sin_port))
        return chosen
    }
}
