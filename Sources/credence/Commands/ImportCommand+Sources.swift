import ArgumentParser
import Broker
import Foundation
import HTTPTransport
import OAuth
import ProviderImport

extension ImportCommand {
    struct OpenAPI: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "openapi", abstract: "Read an OpenAPI description: 2.0, 3.0 or 3.1, JSON or YAML.",
            discussion: "Example: credence providers import openapi ./openapi.yaml --output providers/acme.json")
        @Argument(help: "The description.") var file: String
        @OptionGroup var output: ImportOutput

        func run() async throws {
            try output.report(file) { bytes, name throws(ImportFailure) in try OpenAPIImport.read(bytes, name: name) }
        }
    }

    struct Postman: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "postman", abstract: "Read a Postman collection, v2.0 or v2.1.",
            discussion:
                "Example: credence providers import postman ./acme.postman_collection.json --output-dir providers")
        @Argument(help: "The collection.") var file: String
        @OptionGroup var output: ImportOutput

        func run() async throws {
            try output.report(file) { bytes, name throws(ImportFailure) in try PostmanImport.read(bytes, name: name) }
        }
    }

    struct Discover: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "discovery",
            abstract: "Ask an issuer what it publishes (RFC 8414, OpenID), or a resource who its issuer is (RFC 9728).",
            discussion: """
                Example: credence providers import discovery https://login.example.com
                Example: credence providers import discovery https://mcp.example.com/mcp --output providers/mcp.json
                """)
        @Argument(help: "The issuer, or the URL of a resource such as an MCP server.") var url: String
        @Flag(help: "Allow http, loopback and private addresses. Never for a provider that you will use.")
        var development = false
        @OptionGroup var output: ImportOutput

        func run() async throws {
            try output.check()
            let fetch = DiscoveryFetch(allowHTTP: development)
            var scopes: [String] = []
            var (issuer, host): (String, String?) = (url, nil)
            var server = try await fetch.server(issuer)
            if server == nil, let resource = try await fetch.resource(url),
                let first = resource.authorizationServers.first
            {
                issuer = first
                host = (try? EndpointURL(url))?.host
                scopes = resource.scopesSupported ?? []
                server = try await fetch.server(issuer)
            }
            guard let server else {
                throw CommandFailure(
                    .failed,
                    "\(Terminal.printable(url)) publishes no metadata, neither as an issuer nor as a resource. Ask its operator, or write the endpoints down yourself: docs/providers/oauth2.md"
                )
            }
            let place = host ?? (try? EndpointURL(issuer))?.host ?? "imported"
            var report = ImportReport(allowHTTP: development)
            report.add(
                [
                    DiscoveryImport.profile(
                        of: server, issuer: issuer, name: output.name ?? place, scopes: scopes, host: host)
                ], from: url)
            try output.write(report)
        }
    }
}

extension ImportOutput {
    /// One file, by one reader.
    func report(
        _ file: String, _ read: ([UInt8], String) throws(ImportFailure) -> ImportResult
    ) throws {
        try check()
        var report = ImportReport()
        let stem =
            URL(fileURLWithPath: file).lastPathComponent.split(separator: ".").first.map(String.init) ?? "imported"
        do throws(ImportFailure) {
            report.add(try read(try ConnectorFiles.bytes(file), name ?? stem).profiles, from: file)
        } catch {
            report.refuse(file, "\(error)")
        }
        try write(report)
    }
}

/// Asks for metadata as the service does: vetted addresses, bounded size and time.
private struct DiscoveryFetch {
    let allowHTTP: Bool

    private func send(_ request: EndpointRequest) async throws -> EndpointResponse {
        do {
            return try await VettedExchange(policy: allowHTTP ? .development : .init()).send(
                request, within: .seconds(10))
        } catch {
            throw CommandFailure(.tryLater, "\(request.url) cannot be asked: \(error)")
        }
    }

    func server(_ issuer: String) async throws -> AuthorizationServer? {
        let requests: [EndpointRequest]
        do {
            requests = try Discovery.requests(issuer: issuer, prefersOpenID: true, allowHTTP: allowHTTP)
        } catch {
            throw CommandFailure(.usage, "\(Terminal.printable(issuer)) is no URL of an issuer: \(error)")
        }
        for request in requests {
            switch Discovery.judge(try await send(request), issuer: issuer, allowHTTP: allowHTTP) {
            case .found(let server): return server
            case .absent: continue
            // RFC 8414 §3.3
            case .mismatch:
                throw CommandFailure(
                    .refused,
                    "\(request.url) names another issuer than \(Terminal.printable(issuer)): it is not to be trusted.")
            case .malformed: continue
            }
        }
        return nil
    }

    func resource(_ text: String) async throws -> ProtectedResource? {
        guard let url = try? EndpointURL(text) else { return nil }
        let challenge = ProtectedResource.challenge(in: try await send(ProtectedResource.request(url)))
        let requests =
            (try? ProtectedResource.metadataRequests(of: url, challenge: challenge, allowHTTP: allowHTTP)) ?? []
        for request in requests {
            if case .found(let resource) = ProtectedResource.judge(
                try await send(request), to: request, resource: url, allowHTTP: allowHTTP)
            {
                return resource
            }
        }
        return nil
    }
}
