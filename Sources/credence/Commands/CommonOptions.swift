import ArgumentParser
import Glibc
import OAuth

/// What every verb takes.
struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The data folder.", valueName: "dir"))
    var data: String?

    @Option(help: ArgumentHelp("A running service elsewhere; needs $CREDENCE_KEY, an admin's key.", valueName: "url"))
    var server: String?

    @Option(help: ArgumentHelp("Certificate authorities to trust besides the system's, PEM.", valueName: "file"))
    var trustedCertificates: String?

    @Flag(help: "Answer in JSON, for machines.")
    var json = false

    @Option(
        name: .customLong("providers"),
        help: ArgumentHelp("A folder with more profiles, when no service runs.", valueName: "dir"))
    var providerFolders: [String] = []

    @Flag(help: "Without a service: allow http, loopback and private addresses. Never in production.")
    var development = false

    @Option(help: ArgumentHelp("Without a service: where browsers will reach it.", valueName: "url"))
    var publicURL: String?

    var folder: String {
        if let data { return data }
        if let fromEnvironment = environment("CREDENCE_DATA") { return fromEnvironment }
        return (environment("HOME") ?? ".") + "/.credence"
    }

    /// What a running service answers: the one that `--server` names, or the one on the data folder. nil where none runs
    /// there, or where the command names profiles of its own: then the verb needs no service, and no data folder.
    func ofRunningService<Value: Sendable>(
        _ body: @escaping @Sendable (API) async throws -> Value
    ) async throws -> Value? {
        guard providerFolders.isEmpty else { return nil }
        if server ?? environment("CREDENCE_SERVER") != nil { return try await withAPI(body) }
        let socket = ServiceOptions(folder: folder).socketPath
        guard PrivateFile.exists(socket) else { return nil }
        do {
            return try await API.over(socket: socket, body)
        } catch let failure as CommandFailure where failure.isUnreachable {
            return nil
        }
    }

    /// Talks to the service that runs, or opens the data folder for the length of the verb.
    func withAPI<Value: Sendable>(
        meanwhile work: Service.Work = .none, _ body: @escaping @Sendable (API) async throws -> Value
    ) async throws -> Value {
        if let server = server ?? environment("CREDENCE_SERVER") {
            guard let key = environment("CREDENCE_KEY") else {
                throw CommandFailure(.usage, "Set CREDENCE_KEY to a caller key to talk to \(server).")
            }
            return try await API.over(url: server, key: key, trusting: trustedCertificates, body)
        }
        var options = ServiceOptions(folder: folder)
        try await options.fill(fromFile: nil)
        if !providerFolders.isEmpty { options.providerFolders = providerFolders }
        options.isDevelopment = development
        options.trustedCertificates = trustedCertificates ?? options.trustedCertificates
        options.publicURL = try (publicURL ?? options.publicURL).map {
            try PublicURL.normalized($0, isDevelopment: development)
        }
        return try await Service.reach(options, meanwhile: work, body)
    }
}

func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
}

/// `k=v` arguments.
func keyValues(_ arguments: [String], option: String) throws -> [String: String] {
    var pairs: [String: String] = [:]
    for argument in arguments {
        guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else {
            throw CommandFailure(.usage, "\(option) takes name=value, not '\(argument)'.")
        }
        let name = String(argument[..<equals])
        guard pairs.updateValue(String(argument[argument.index(after: equals)...]), forKey: name) == nil else {
            throw CommandFailure(.usage, "\(option) \(name) stands there twice.")
        }
    }
    return pairs
}

extension JSONValue {
    static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    static func map(_ map: [String: String]) -> JSONValue {
        .object(JSONObject(map.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }

    subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }

    var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var elements: [JSONValue] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    var members: [(String, JSONValue)] {
        guard case .object(let members) = self else { return [] }
        return members.pairs.map { ($0.0, $0.1) }
    }

    /// For people: text as it is, lists with commas, maps as k=v.
    var display: String {
        switch self {
        case .string(let text): text
        case .array(let elements): elements.map(\.display).joined(separator: ", ")
        case .object: members.map { "\($0.0)=\($0.1.display)" }.joined(separator: ", ")
        case .null: ""
        default: serialized()
        }
    }
}
