import ArgumentParser
import Broker
import OAuth

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this host, this folder and these secrets lack.",
        discussion: """
            Looks at the data folder's modes and disk, the clock, swap, core files, the versions of SQLite and OpenSSL, and at
            what ends soon. Exit code 1 when something is wrong. It changes nothing.
            Example: credence doctor
            """)
    @OptionGroup var common: CommonOptions

    func run() async throws {
        var findings = Host.findings(folder: common.folder)
        if findings.contains(where: { $0.name == "data folder" && $0.state == .wrong }) {
            findings.append(Finding("service", .note, "not asked, because of the data folder"))
        } else {
            findings += await service()
        }
        if common.json {
            Terminal.say(
                JSONValue.object(
                    JSONObject([
                        (
                            "findings",
                            .array(
                                findings.map { finding in
                                    .object(
                                        JSONObject([
                                            ("name", .string(finding.name)), ("state", .string(finding.state.rawValue)),
                                            ("detail", .string(finding.detail)),
                                        ]))
                                })
                        )
                    ])
                ).serialized())
        } else {
            Terminal.table(
                ["state", "what", "detail"],
                findings.map { [$0.state.rawValue, $0.name, Terminal.printable($0.detail)] })
        }
        guard !findings.contains(where: { $0.state == .wrong }) else {
            throw CommandFailure(.failed, "Something is wrong. An administrator must act.")
        }
    }

    // MARK: What the store says

    private func service() async -> [Finding] {
        do {
            let (ending, keys, held) = try await common.withAPI { api in
                (
                    try await api.call(.get, "/v1/secrets/expiring"), try await api.call(.get, "/v1/keys"),
                    try await api.call(.get, "/v1/hold")
                )
            }
            return Self.expiry(ending) + [Self.keys(keys), Self.hold(held)]
        } catch let failure as CommandFailure {
            return [Finding("store", .wrong, failure.message)]
        } catch {
            return [Finding("store", .wrong, "\(error)")]
        }
    }

    private static func expiry(_ ending: JSONValue) -> [Finding] {
        let secrets =
            (ending["connections"]?.elements ?? []).map { ("connection \($0["connection"]?.display ?? "?")", $0) }
            + (ending["clients"]?.elements ?? []).map {
                (
                    "\($0["kind"]?.display ?? "secret") \($0["number"]?.display ?? "?") of client \($0["client"]?.display ?? "?")",
                    $0
                )
            }
        if secrets.isEmpty { return [Finding("secrets", .fine, "none that has a date ends within 30 days")] }
        let now = SystemClock().now.seconds
        return secrets.prefix(20).map { name, secret in
            let end = secret["expires_at"]?.display ?? ""
            let isOver = Self.isOver(end, now: now)
            return Finding(
                "secrets", isOver ? .wrong : .warning, "\(name) \(isOver ? "ended" : "ends") at \(end): rotate it")
        }
    }

    private static func isOver(_ end: String, now: Int64) -> Bool {
        Timestamp(iso8601: end).map { $0.seconds <= now } ?? false
    }

    private static func keys(_ keys: JSONValue) -> Finding {
        let due = keys["master_key"]?["rewrap_due"] == .bool(true)
        return due
            ? Finding("keys", .warning, "the data keys are wrapped by the previous master key: credence keys rewrap")
            : Finding("keys", .fine, "the data keys are wrapped by the configured master key")
    }

    private static func hold(_ hold: JSONValue) -> Finding {
        hold["held"] == .bool(true)
            ? Finding(
                "refresh", .wrong,
                "held, because this store was restored or copied: credence restore claim, if it is the only one")
            : Finding("refresh", .fine, "not held")
    }
}

struct Finding {
    enum State: String { case fine = "ok", note, warning = "warn", wrong }

    let name: String
    let state: State
    let detail: String

    init(_ name: String, _ state: State, _ detail: String) {
        self.name = name
        self.state = state
        self.detail = detail
    }
}
