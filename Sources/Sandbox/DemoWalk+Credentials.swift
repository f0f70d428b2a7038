import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import OAuth

/// What a connector sees.
extension DemoWalk {
    /// A credential as the contract has it; what the demo needs of it.
    struct Credential {
        let answer: JSONObject
        let token: String
        let version: Int
        let headers: [(String, String)]

        init?(_ value: JSONValue) {
            guard case .object(let answer) = value, case .string(let token)? = answer["access_token"],
                case .number(let version)? = answer["version"], let version = version.int,
                case .object(let headers)? = answer["headers"]
            else { return nil }
            self.answer = answer
            self.token = token
            self.version = version
            self.headers = headers.pairs.compactMap { name, value in
                if case .string(let text) = value { (name, text) } else { nil }
            }
        }

        /// One member a line.
        var lines: String {
            let members = answer.pairs.map { "  \(JSONValue.string($0).serialized()): \($1.serialized())" }
            return "{\n" + members.joined(separator: ",\n") + "\n}"
        }
    }

    struct Answer {
        let status: Int
        let text: String
    }

    // MARK: The access token

    mutating func firstCredential() async throws -> Credential {
        output.step("A connector gets a key of its own. With it, it asks over HTTP, as curl would, for the credential.")
        key = try await credence(["callers", "add", "connector", "--role", "runtime", "--connection", Self.connection])
        output.shown("KEY=\(key)")
        let answer = try await ask()
        guard answer.status == 200, let credential = try read(answer) else {
            throw DemoProblem("the credential came with status \(answer.status): \(answer.text)")
        }
        show(credential)
        output.note("The token is shown whole, as it opens nothing but the sandbox.")
        try await use(credential)
        return credential
    }

    mutating func refreshedCredential(after first: Credential) async throws {
        output.step("The token's life ends. The connector asks again, and gets another one without anybody's doing.")
        let began = ContinuousClock.now
        let refusal = try await DemoPrograms.poll(seconds: Self.accessTokenLifetime + 10, for: "the token's end") {
            let answer = try await get("\(issuer)/api/me", first.headers)
            return answer.status == 200 ? nil : answer
        }
        let waited = (ContinuousClock.now - began).components.seconds
        output.note("After \(waited) seconds the sandbox's API refuses the first token with status \(refusal.status).")
        try DemoProblem.check(refusal.status == 401, "the API answered: \(refusal.text)")
        // 503 says that the refresh has not come through yet.
        let credential = try await DemoPrograms.poll(seconds: 15, for: "a refreshed token") {
            let answer = try await ask()
            try DemoProblem.check([200, 503].contains(answer.status), "status \(answer.status): \(answer.text)")
            return try read(answer).flatMap { $0.token == first.token ? nil : $0 }
        }
        show(credential)
        try DemoProblem.check(
            credential.version > first.version, "version \(first.version) is followed by \(credential.version)")
        try await use(credential)
    }

    private var credentialAddress: String { "\(site)/v1/connections/\(Self.connection)/credential" }

    private func ask() async throws -> Answer {
        try await get(credentialAddress, [("Authorization", "Bearer \(key)")])
    }

    private func read(_ answer: Answer) throws -> Credential? {
        answer.status == 200 ? Credential(try JSONReader.read(Array(answer.text.utf8))) : nil
    }

    private func show(_ credential: Credential) {
        output.shown(#"curl -H "Authorization: Bearer $KEY" \"#)
        announce("       \(credentialAddress)")
        output.answer(credential.lines)
    }

    /// The proof that a credential is alive: the sandbox's API, called with the headers that came with it.
    private func use(_ credential: Credential) async throws {
        let answer = try await get("\(issuer)/api/me", credential.headers)
        try DemoProblem.check(answer.status == 200, "the sandbox's API refused the token with status \(answer.status)")
        output.note("With these headers the sandbox's API answers \(answer.status): \(answer.text)")
    }

    private func get(_ url: String, _ headers: [(String, String)]) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let response = try await http.execute(request, timeout: .seconds(30))
        let body = try await response.body.collect(upTo: 1 << 20)
        return Answer(status: Int(response.status.code), text: String(buffer: body))
    }

    // MARK: What is not OAuth

    mutating func keepAPIKey() async throws {
        output.step("API keys are kept in the same way. What comes out is the header, ready to use.")
        try await credence([
            "connections", "add", "text-analytics", "--provider", "api-key", "--field",
            "header=Ocp-Apim-Subscription-Key",
        ])
        try await credence(["secrets", "set", "text-analytics", "--secret-stdin"], input: "throw-away-key")
        try await expectHeader("Ocp-Apim-Subscription-Key: throw-away-key", of: "text-analytics")
    }

    mutating func keepPassword() async throws {
        output.step("So are user names with their passwords (HTTP Basic).")
        try await credence(["connections", "add", "billing", "--provider", "basic"])
        try await credence(
            ["secrets", "set", "billing", "--username", "robot", "--secret-stdin"], input: "throw-away-password")
        let encoded = Data("robot:throw-away-password".utf8).base64EncodedString()
        try await expectHeader("Authorization: Basic \(encoded)", of: "billing")
    }

    private func expectHeader(_ header: String, of connection: String) async throws {
        let shown = try await credence(["credential", connection, "--format", "header"])
        try DemoProblem.check(shown == header, "expected '\(header)'")
    }

    mutating func readAudit() async throws {
        output.step("The audit log has a line for each of these acts; it is written before a secret leaves.")
        let log = try await credence(["audit", "tail", "--lines", "12"])
        for expected in ["credential.read  connector  \(Self.connection)", "secret.set  local  billing"] {
            try DemoProblem.check(log.contains(expected), "no line says '\(expected)'")
        }
    }
}
