import Foundation
import OAuth
import Testing

@testable import ProviderProfiles

/// What docs/providers/your-own.md shows works as it stands there.
@Suite("The page on writing a profile")
struct WorkedExampleTests {
    private static let page: String = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return (try? String(contentsOf: root.appending(path: "docs/providers/your-own.md"), encoding: .utf8)) ?? ""
    }()

    private static func blocks() -> [String] {
        page.components(separatedBy: "```json\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
    }

    @Test("Its examples are profiles, and make requests")
    func examples() throws {
        let profiles = try Self.blocks().map {
            try ProviderProfile.decode(Array($0.utf8), file: "your-own.md").get()
        }
        #expect(profiles.map(\.name) == ["linear", "notion"])
        let linear = try profiles[0].filled()
        #expect(linear.dialect.scopeSeparator == "," && linear.dialect.authorizationParameters.isEmpty)
        let notion = try profiles[1].filled()
        #expect(
            notion.dialect.tokenRequestForm == .json && !notion.dialect.pkce && notion.dialect.headerFields.count == 1)
        let answer =
            #"{"access_token":"a","token_type":"bearer","workspace_id":"w1","workspace_name":"Acme","bot_id":"b1"}"#
        guard
            case .granted(let response) = TokenResponse.judge(
                EndpointResponse(status: 200, body: Array(answer.utf8)), dialect: notion.dialect)
        else {
            Issue.record("not granted")
            return
        }
        #expect(notion.capture.compactMap { $0.value(in: response) } == ["w1", "b1"])
        #expect(notion.identity?.id(in: .object(response.additional)) == "w1")
    }

    @Test("Every departure of the list is on the page")
    func departures() {
        for form in Departure.forms {
            let name = String(form.prefix { $0 != ":" })
            #expect(Self.page.contains("`\(name)"), "\(name)")
        }
    }
}
