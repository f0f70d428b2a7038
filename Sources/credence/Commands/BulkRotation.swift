import Glibc
import OAuth

/// `credence secrets rotate --all`: new secrets for many connections, from a file. Nothing is begun before the file is
/// known to be whole; what fails is told and does not end the rest; and to run it again is to go on.
struct BulkRotation: Sendable {
    let file: String
    let client: String?
    let provider: String?
    /// What is said of each.
    let options: [(String, JSONValue)]

    private struct Line: Sendable {
        let number: Int
        let connection: String
        let members: [(String, JSONValue)]
    }

    private struct Tally: Sendable {
        var rotated = 0
        var unchanged = 0
        var failed: [(connection: String, why: String)] = []
    }

    func run(_ common: CommonOptions) async throws {
        let lines = try read()
        let isJSON = common.json
        let tally = try await common.withAPI { api in
            let versions = try await versions(api)
            try check(lines, against: versions)
            var tally = Tally()
            for (count, line) in lines.enumerated() {
                do {
                    let path = "/v1/connections/\(try segment(line.connection))/secret/rotate"
                    let shown = try await api.call(.post, path, .object(JSONObject(line.members + options)))
                    if shown["version"]?.display == versions[line.connection] {
                        tally.unchanged += 1
                    } else {
                        tally.rotated += 1
                    }
                } catch let failure as CommandFailure where !failure.isUnreachable {
                    tally.failed.append((line.connection, failure.message))
                }
                Progress.show(count + 1, of: lines.count, "rotated")
            }
            return tally
        }
        Progress.end()
        if isJSON {
            Terminal.say(Self.json(tally).serialized())
        } else {
            for failure in tally.failed { Terminal.complain("\(failure.connection): \(failure.why)") }
            Terminal.say("rotated \(tally.rotated), unchanged \(tally.unchanged), failed \(tally.failed.count)")
        }
        guard tally.failed.isEmpty else {
            throw CommandFailure(.failed, "Some were not rotated. Mend what is wrong, and run the same again.")
        }
    }

    /// Every line is a JSON object that names its connection; none names one twice.
    private func read() throws -> [Line] {
        let text = String(decoding: try Terminal.file(file), as: UTF8.self)
        var lines: [Line] = []
        var seen: Set<String> = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where line.contains(where: { !$0.isWhitespace }) {
            let place = "\(Terminal.printable(file)), line \(index + 1)"
            guard case .object(let object)? = try? JSONReader.read(Array(line.utf8)),
                case .string(let connection)? = object["connection"], object.pairs.count > 1
            else {
                throw CommandFailure(
                    .usage, "\(place): write {\"connection\": \"…\", \"api_key\": \"…\"}, or what the connection takes."
                )
            }
            guard seen.insert(connection).inserted else {
                throw CommandFailure(.usage, "\(place): \(Terminal.printable(connection)) stands there twice.")
            }
            lines.append(
                Line(
                    number: index + 1, connection: connection, members: object.pairs.filter { $0.0 != "connection" }))
        }
        guard !lines.isEmpty else { throw CommandFailure(.usage, "\(Terminal.printable(file)) holds no secret.") }
        return lines
    }

    /// Of all that match, by ID.
    private func versions(_ api: API) async throws -> [String: String] {
        var query = Parameters([("limit", "500")])
        if let client { query.append("client", client) }
        if let provider { query.append("provider", provider) }
        var versions: [String: String] = [:]
        var cursor: String?
        repeat {
            var page = query
            if let cursor { page.append("cursor", cursor) }
            let answer = try await api.call(.get, "/v1/connections?\(page.formURLEncoded)")
            for connection in answer["connections"]?.elements ?? [] {
                versions[connection["id"]?.string ?? ""] = connection["version"]?.display
            }
            cursor = answer["next_cursor"]?.string
        } while cursor != nil
        return versions
    }

    private func check(_ lines: [Line], against versions: [String: String]) throws {
        if let stranger = lines.first(where: { versions[$0.connection] == nil }) {
            throw CommandFailure(
                .usage,
                "\(Terminal.printable(file)), line \(stranger.number): \(Terminal.printable(stranger.connection)) is none of the connections that match. Nothing was changed."
            )
        }
        let missing = Set(versions.keys).subtracting(lines.map(\.connection)).sorted()
        guard missing.isEmpty else {
            let some = missing.prefix(3).joined(separator: ", ")
            throw CommandFailure(
                .usage,
                "\(missing.count) of the \(versions.count) connections that match have no line in \(Terminal.printable(file)), such as \(some). Nothing was changed."
            )
        }
    }

    private static func json(_ tally: Tally) -> JSONValue {
        .object(
            JSONObject([
                ("rotated", .number(JSONNumber(tally.rotated))), ("unchanged", .number(JSONNumber(tally.unchanged))),
                (
                    "failed",
                    .array(
                        tally.failed.map {
                            .object(JSONObject([("connection", .string($0.connection)), ("detail", .string($0.why))]))
                        })
                ),
            ]))
    }
}

/// A bar on a terminal's standard error; nothing anywhere else.
enum Progress {
    static func show(_ done: Int, of all: Int, _ word: String) {
        guard isatty(2) == 1, all > 0 else { return }
        let width = 30
        let filled = done * width / all
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        write("\r[\(bar)] \(word) \(done) of \(all)")
    }

    static func end() {
        if isatty(2) == 1 { write("\r\u{1B}[K") }
    }

    private static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(2, bytes, bytes.count)
    }
}
