import Foundation
import HTTPTypes
import Testing

@testable import OAuth

@Suite("The answers of the shared cases are judged as the cases say")
struct ForeignCaseTests {
    static let kinds: Set = [
        "token-success", "token-type", "expires-in", "scope", "content-type", "token-malformed", "token-error",
        "client-credentials", "jwt-bearer",
    ]
    static let all = ForeignCase.all(of: kinds)
    /// Those that are no fault on the wire.
    static let applicable = all.filter { $0.answers != nil }

    @Test(
        "Every applicable case is judged", .enabled(if: Shared.hasCases, "the shared cases are not here"),
        arguments: applicable)
    func judged(_ foreign: ForeignCase) throws {
        let answers = try #require(foreign.answers)
        let outcome = foreign.expectation["outcome"]?.text
        // A token may come later; anything else is about the first answer.
        let response = try #require(outcome == "token" ? answers.last : answers.first)
        let isExchange = foreign.context["grant"]?.text == GrantType.tokenExchange.rawValue
        let verdict = TokenResponse.judge(
            response, dialect: try #require(dialect(of: foreign)),
            accepting: isExchange ? [.bearer, .notApplicable] : .bearer)
        switch outcome {
        case "token", "ok": try checkToken(verdict, foreign)
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
        default: Issue.record("\(foreign.id): no rule for the outcome \(outcome ?? "nil")")
        }
    }

    @Test("Most of the cases apply", .enabled(if: Shared.hasCases, "the shared cases are not here"))
    func most() {
        #expect(Self.applicable.count >= 90)
        #expect(Self.applicable.count == Self.all.count)
    }

    private func report(_ verdict: TokenVerdict, _ foreign: ForeignCase) {
        Issue.record("\(foreign.id): judged \(verdict)")
    }

    private func checkToken(_ verdict: TokenVerdict, _ foreign: ForeignCase) throws {
        guard case .granted(let response) = verdict else { return report(verdict, foreign) }
        #expect(response.accessToken.reveal() == foreign.expectation["access_token"]?.text)
        #expect((response.tokenType == "Bearer") == (foreign.expectation["bearer"] != .bool(false)))
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
            // They shape the request alone.
            case "grant_type", "service_account": break
            default: return nil
            }
        }
        return dialect
    }
}
