import ArgumentParser
import BrokerHTTP
import Glibc
import HummingbirdCore
import HummingbirdTLS
import Logging
import Metrics
import NIOCore
import NIOSSL

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the service.",
        discussion: """
            Prints one line, 'listening on …', when it is ready. Settings come from here, else from the environment
            (CREDENCE_LISTEN, CREDENCE_PUBLIC_URL, …), else from --config.
            Example: credence serve --data /var/lib/credence --public-url https://credence.example.com
            """)

    @Option(help: ArgumentHelp("The data folder.", valueName: "dir")) var data: String?
    @Option(help: ArgumentHelp("Where to listen; 127.0.0.1:8400 unless said.", valueName: "host:port")) var listen:
        String?
    @Option(help: ArgumentHelp("Where browsers reach the service: https://host[:port].", valueName: "url"))
    var publicURL: String?
    @Option(name: .customLong("providers"), help: ArgumentHelp("A folder with more profiles.", valueName: "dir"))
    var providerFolders: [String] = []
    @Option(help: ArgumentHelp("The certificate chain, PEM.", valueName: "file")) var tlsCertificate: String?
    @Option(help: ArgumentHelp("Its private key, PEM.", valueName: "file")) var tlsKey: String?
    @Option(help: ArgumentHelp("Health and metrics; 127.0.0.1:9464 unless said.", valueName: "host:port"))
    var managementListen: String?
    @Option(
        name: .customLong("return-to"),
        help: ArgumentHelp("A URL that consents may return to, to the letter.", valueName: "url"))
    var allowedReturns: [String] = []
    @Option(
        name: .customLong("allow-network"),
        help: ArgumentHelp("A private network that providers may live in.", valueName: "cidr"))
    var allowedNetworks: [String] = []
    @Option(
        name: .customLong("allow-port"),
        help: ArgumentHelp("A port that providers may listen on besides 443 and 8443.", valueName: "port"))
    var allowedPorts: [Int] = []
    @Option(help: ArgumentHelp("How long a provider may take to answer; 30 unless said.", valueName: "seconds"))
    var providerTimeout: Int?
    @Option(
        help: ArgumentHelp(
            "How many refreshes begin at one provider's host in a second, at most; 50 if not given.",
            valueName: "number"))
    var refreshRate: Int?
    @Option(help: ArgumentHelp("Certificate authorities to trust besides the system's, PEM.", valueName: "file"))
    var trustedCertificates: String?
    @Option(help: ArgumentHelp("The master key, where it is not DATA/master.key.", valueName: "file"))
    var masterKeyFile: String?
    @Option(help: ArgumentHelp("Where the master key is: \(MasterKeyPlace.kinds).", valueName: "place"))
    var masterKey: String?
    @Option(
        help: ArgumentHelp("Where the one before it is, until 'credence keys rewrap' was run.", valueName: "place"))
    var previousMasterKey: String?
    @Option(
        help: ArgumentHelp(
            "When an audit line counts as written: write (with the system) or fsync (on the disk); write unless said.",
            valueName: "mode"))
    var auditSync: String?
    @Option(
        help: ArgumentHelp(
            "Begin a new audit file before the current one grows larger; 256 unless said.", valueName: "MiB"))
    var auditRotateMib: Int?
    @Option(
        help: ArgumentHelp(
            "Where the audit log's signed heads go, best on another disk; DATA/audit.heads unless said.",
            valueName: "file"))
    var auditHeads: String?
    @Option(help: ArgumentHelp("A configuration file, YAML.", valueName: "file")) var config: String?
    @Flag(help: "DANGEROUS: allows http, loopback and private addresses. For development alone.") var development =
        false

    func run() async throws {
        var common = CommonOptions()
        common.data = data
        var options = ServiceOptions(folder: common.folder)
        try await options.fill(fromFile: config)
        options.isDevelopment = development
        options.listen = listen ?? options.listen
        options.managementListen = managementListen ?? options.managementListen
        options.publicURL = publicURL ?? options.publicURL
        options.tlsCertificate = tlsCertificate ?? options.tlsCertificate
        options.tlsKey = tlsKey ?? options.tlsKey
        options.trustedCertificates = trustedCertificates ?? options.trustedCertificates
        if let masterKeyFile { (options.masterKeyFile, options.masterKey) = (masterKeyFile, nil) }
        options.masterKey = masterKey ?? options.masterKey
        options.previousMasterKey = previousMasterKey ?? options.previousMasterKey
        try options.setAudit(sync: auditSync, heads: auditHeads, rotateMiB: auditRotateMib)
        options.providerTimeout = providerTimeout ?? options.providerTimeout
        options.refreshRate = refreshRate ?? options.refreshRate
        guard (1...10_000).contains(options.refreshRate) else {
            throw CommandFailure(.usage, "--refresh-rate is a number from 1 to 10000.")
        }
        guard (1...120).contains(options.providerTimeout) else {
            throw CommandFailure(.usage, "--provider-timeout is a number of seconds from 1 to 120.")
        }
        if !providerFolders.isEmpty { options.providerFolders = providerFolders }
        if !allowedReturns.isEmpty { options.allowedReturns = allowedReturns }
        if !allowedPorts.isEmpty { options.allowedPorts = allowedPorts }
        if !allowedNetworks.isEmpty { options.allowedNetworks = allowedNetworks }

        try options.checkLists()
        let address = try ListenAddress(options.listen, option: "--listen").withPort()
        let tls = try tls(options)
        let scheme = tls == nil ? "http" : "https"
        guard tls != nil || address.isLoopback || development else {
            throw CommandFailure(
                .usage,
                "\(address.text) would take keys in the clear: give --tls-certificate and --tls-key, or listen on loopback behind a proxy."
            )
        }
        options.publicURL = try Self.publicURL(options, address, scheme)

        var logger = Logger(label: "credence", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .info
        if development {
            Terminal.complain(
                "!! --development: http, loopback and private addresses are allowed. Never run this where real secrets are. !!"
            )
        }
        let http1 = HTTPServerBuilder.http1(
            configuration: .init(
                idleTimeout: .seconds(60),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 16_384, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100)))
        let server = try tls.map { try HTTPServerBuilder.tls(http1, tlsConfiguration: $0.configuration()) } ?? http1
        let metrics = MetricsRegistry()
        MetricsSystem.bootstrap(metrics)
        try await Service.explained { [options] in
            let service = try await Service.open(options, logger: logger)
            try await service.run(
                server: server, listen: address, scheme: scheme, metrics: metrics, certificate: tls)
        }
    }

    private func tls(_ options: ServiceOptions) throws -> ServedCertificate? {
        switch (options.tlsCertificate, options.tlsKey) {
        case (nil, nil): return nil
        case (let certificate?, let key?): return try ServedCertificate(certificate: certificate, key: key)
        default: throw CommandFailure(.usage, "--tls-certificate and --tls-key belong together.")
        }
    }

    /// Redirect URIs and cookies hang on it, so it is said once and never taken from a request. nil where nobody said it
    /// and nothing could be guessed: links are refused then, and everything else works.
    private static func publicURL(_ options: ServiceOptions, _ address: ListenAddress, _ scheme: String) throws
        -> String?
    {
        if let url = options.publicURL { return try PublicURL.normalized(url, isDevelopment: options.isDevelopment) }
        let isWildcard = ["0.0.0.0", "::"].contains(address.host)
        return (scheme == "https" || options.isDevelopment) && !isWildcard ? "\(scheme)://\(address.text)" : nil
    }
}
