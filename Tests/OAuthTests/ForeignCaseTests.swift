import Foundation
import HTTPTypes
import Testing

@testable import OAuth

@Suite("The answers of the shared cases are judged as the cases say")
struct ForeignCaseTests {
    static let kinds: Set = [
        "token-success", "token-type", "expires-in", "scope", "content-type", "token-malformed", "token-error",
    ]
    static let all = ForeignCase.all(of: kinds)

    /// By ID, what Credence does not do.
    static let skipped = [
        "token-type--n-a-token-exchange": "token exchange (RFC 8693) is not offered, and N_A is no bearer token"
    ]

    /// What a response may hold to be one answer as it stands; anything else is a fault on the wire.
    static let plain: Set = ["status", "headers", "body", "body_b64", "reason", "then"]

    static let applicable = all.filter {
        skipped[$0.id] == nil && Set($0.response.names).isSubset(of: plain) && $0.response["status"] != nil
    }

    @Test(
        "Every applicable case is judged", .enabled(if: Shared.hasCases, "the shared cases are not here"),
        arguments: applicable)
    func judged(_ foreign: ForeignCase) throws {
        let verdict = TokenResponse.judge(try response(of: foreign), dialect: try #require(dialect(of: foreign)))
        switch foreign.expectation["outcome"]?.text {
        case "token": try checkToken(verdict, foreign)
        case "error":
            guard case .refused(let error) = verdict else { return report(verdict, foreign) }
            #expect(error.code == foreign.expectation["error"]?.text)
            if let description = foreign.expectation["error_description"]?.text {
                #expect(error.description == description)
            }
        case "reject":
            switch (verdict, foreign.expectation["error_class"]?.text) {
            case (.unavailable, "transient"?), (.unavailable, nil), (.malformed, _): break
            default: report(verdict, foreign)
            }
        case let outcome: Issue.record("\(foreign.id): no rule for the outcome \(outcome ?? "nil")")
        }
    }

    @Test("Most of the cases apply", .enabled(if: Shared.hasCases, "the shared cases are not here"))
    func most() {
        #expect(Self.applicable.count >= 80)
        #expect(Self.applicable.count + Self.skipped.count == Self.all.count)
    }

    private func report(_ verdict: TokenVerdict, _ foreign: ForeignCase) {
        Issue.record("\(foreign.id): judged \(verdict)")
    }

    private func checkToken(_ verdict: TokenVerdict, _ foreign: ForeignCase) throws {
        // `expires_at` (expires_in_about) is not read: the lifetime is then unknown, which the cases allow.
        guard case .granted(let response) = verdict else { return report(verdict, foreign) }
        #expect(response.accessToken.reveal() == foreign.expectation["access_token"]?.text)
        #expect(response.tokenType == "Bearer")
        if let lifetime = foreign.expectation["expires_in"] { #expect(response.expiresIn == lifetime.int) }
        if let scope = foreign.expectation["scope"], let granted = response.scope {
            #expect(Set(granted) == Set(scope.elements.compactMap(\.text)))
        }
        switch foreign.expectation["refresh_token"]?.text {
        case "stored"?, "rotated"?: #expect(response.refreshToken != nil)
        case "none"?: #expect(response.refreshToken == nil)
        default: break
        }
        for (name, value) in foreign.expectation["raw_extra"]?.members.pairs ?? [] {
            #expect(response.additional[name] == value)
        }
    }

    private func response(of foreign: ForeignCase) throws -> EndpointResponse {
        var fields = HTTPFields()
        for (name, value) in foreign.response["headers"]?.members.pairs ?? [] {
            for line in value.text.map({ [$0] }) ?? value.elements.compactMap(\.text) {
                fields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: line))
            }
        }
        var body = Array((foreign.response["body"]?.text ?? "").utf8)
        if let encoded = foreign.response["body_b64"]?.text { body = Array(try #require(Data(base64Encoded: encoded))) }
        let text = String(decoding: body, as: UTF8.self)
        if text.contains("{{now+7200}}") { body = Array(text.replacing("{{now+7200}}", with: "1900000000").utf8) }
        return EndpointResponse(
            status: try #require(foreign.response["status"]?.int), headerFields: fields, body: body)
    }

    /// nil when the profile asks for what has no counterpart.
    private func dialect(of foreign: ForeignCase) -> Dialect? {
        var dialect = Dialect()
        for (name, value) in foreign.profile.pairs {
            switch name {
            case "scope_separator":
                dialect.scopeSeparator = value.text ?? ""
                dialect.responseScopeSeparators.formUnion(value.text ?? "")
            case "token_type_aliases": dialect.tokenTypeAliases = Set(value.members.names)
            case "token_response_path": dialect.responseRoot = value.text
            case "access_token_field": dialect.memberPaths["access_token"] = value.text
            default: return nil
            }
        }
        return dialect
    }
}
