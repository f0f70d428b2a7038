import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import OAuth

/// The service's own HTTP API, as the verbs use it: over the admin socket, or over the network with a key.
struct API: Sendable {
    private let client: HTTPClient
    private let base: String
    private let key: String?

    static func over<Value: Sendable>(
        url: String, key: String, trusting authorities: String?, _ body: @Sendable (API) async throws -> Value
    ) async throws -> Value {
        guard let address = try? EndpointURL(url),
            address.isSecure || ["127.0.0.1", "::1", "localhost"].contains(address.host)
        else {
            throw CommandFailure(
                .usage, "--server takes an https URL: the key would travel in the clear. (http is for loopback alone.)")
        }
        return try await with(
            base: url.hasSuffix("/") ? String(url.dropLast()) : url, key: key, authorities: authorities, body)
    }

    static func over<Value: Sendable>(
        socket path: String, _ body: @Sendable (API) async throws -> Value
    ) async throws -> Value {
        let encoded = path.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte)
            return isPlain
                ? String(UnicodeScalar(byte)) : "%" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
        return try await with(base: "http+unix://\(encoded)", key: nil, authorities: nil, body)
    }

    private static func with<Value: Sendable>(
        base: String, key: String?, authorities: String?, _ body: @Sendable (API) async throws -> Value
    ) async throws -> Value {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        // A service that is not there is not there; the pool would try on until the time is over.
        configuration.connectionPool.retryConnectionEstablishment = false
        if let authorities {
            do {
                var tls = TLSConfiguration.makeClientConfiguration()
                tls.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMFile(authorities))]
                configuration.tlsConfiguration = tls
            } catch {
                throw CommandFailure(.failed, "The certificates in \(authorities) cannot be read as PEM.")
            }
        }
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(60))
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let value = try await body(API(client: client, base: base, key: key))
            try await client.shutdown()
            return value
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    enum Method: String {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    /// - Throws: `CommandFailure` with the exit code that the service's problem stands for.
    @discardableResult
    func call(_ method: Method, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        var request = HTTPClientRequest(url: base + path)
        request.method = HTTPMethod(rawValue: method.rawValue)
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body.serialized()))
        }
        let status: Int
        let bytes: [UInt8]
        do {
            let response = try await client.execute(request, timeout: .seconds(60))
            status = Int(response.status.code)
            bytes = Array(buffer: try await response.body.collect(upTo: 16 << 20))
        } catch let error as HTTPClientError where error == .connectTimeout {
            throw CommandFailure(.tryLater, "The service cannot be reached: it does not answer.", isUnreachable: true)
        } catch is NIOSSLError {
            throw CommandFailure(
                .failed,
                "The service's certificate is not trusted. If its authority is your own: --trusted-certificates FILE.")
        } catch {
            let isUnreachable = error is NIOConnectionError || error is IOError
            throw CommandFailure(.tryLater, "The service cannot be reached: \(error)", isUnreachable: isUnreachable)
        }
        if bytes.isEmpty, (200..<300).contains(status) { return .null }
        let value: JSONValue
        do {
            value = try JSONReader.read(bytes, limits: .init(bytes: 16 << 20, depth: 32, members: 1_000_000))
        } catch {
            throw CommandFailure(.failed, "The service's answer cannot be read (status \(status)).")
        }
        guard status < 300 else { throw Self.failure(value, status: status) }
        return value
    }

    /// The answer's body, as it comes, into a file; how many bytes.
    func download(_ method: Method, _ path: String, to descriptor: Int32) async throws -> Int {
        var request = HTTPClientRequest(url: base + path)
        request.method = HTTPMethod(rawValue: method.rawValue)
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        var size = 0
        do {
            let response = try await client.execute(request, timeout: .hours(2))
            let status = Int(response.status.code)
            guard status < 300 else {
                let bytes = Array(buffer: try await response.body.collect(upTo: 1 << 20))
                throw Self.failure((try? JSONReader.read(bytes)) ?? .null, status: status)
            }
            for try await piece in response.body {
                let bytes = Array(buffer: piece)
                var rest = bytes[...]
                while !rest.isEmpty {
                    let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                    guard written > 0 else {
                        throw CommandFailure(.failed, "The file cannot be written: is the disk full?")
                    }
                    rest = rest.dropFirst(written)
                }
                size += bytes.count
            }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            let isUnreachable = error is NIOConnectionError || error is IOError
            throw CommandFailure(.tryLater, "The service cannot be reached: \(error)", isUnreachable: isUnreachable)
        }
        return size
    }

    private static func failure(_ problem: JSONValue, status: Int) -> CommandFailure {
        let detail = problem["detail"]?.string ?? "The service answered with status \(status)."
        let reason = problem["reason"]?.string.map { " (\($0))" } ?? ""
        let exit: CommandFailure.Exit =
            switch problem["code"]?.string ?? "" {
            case "invalid_request": .usage
            case "not_found": .notFound
            case "provider_unavailable", "store_unavailable", "shutting_down", "audit_unavailable",
                "master_key_unavailable":
                .tryLater
            case "internal_error", "": .failed
            default: .refused
            }
        return CommandFailure(exit, detail + reason)
    }
}

/// One segment of a path.
func segment(_ text: String) throws -> String {
    guard !text.isEmpty,
        text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x3F && $0 != 0x23 && $0 != 0x25 })
    else { throw CommandFailure(.usage, "'\(Terminal.printable(text))' is not an ID: letters, digits and . _ - only.") }
    return text
}
