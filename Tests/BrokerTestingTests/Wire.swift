import NIOCore
import NIOPosix
import OAuth

/// The plainest client there is: one connection, one request, and all bytes until the server closes.
enum Wire {
    struct Answer {
        /// Nil when the connection was closed before a status line.
        let status: Int?
        let headerFields: [String: String]
        let body: String
        /// Fewer bytes came than `Content-Length` announced.
        let isCut: Bool

        subscript(name: String) -> String? { headerFields[name.lowercased()] }

        /// The value of a string member of a flat JSON object.
        func json(_ name: String) -> String? {
            guard let start = body.firstRange(of: "\"\(name)\":\"")?.upperBound else { return nil }
            return String(body[start...].prefix { $0 != "\"" })
        }
    }

    static func get(_ url: String, headerFields: [String: String] = [:]) async throws -> Answer {
        try await send("GET", url, headerFields: headerFields, body: "")
    }

    static func post(
        _ url: String, _ form: [(String, String)], headerFields: [String: String] = [:]
    ) async throws -> Answer {
        var fields = headerFields
        fields["Content-Type"] = "application/x-www-form-urlencoded"
        return try await send("POST", url, headerFields: fields, body: Parameters(form).formURLEncoded)
    }

    static func send(
        _ method: String, _ url: String, headerFields: [String: String], body: String
    ) async throws -> Answer {
        let parts = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)
        let authority = parts[1].split(separator: ":")
        var head = "\(method) /\(parts[2]) HTTP/1.1\r\nHost: \(parts[1])\r\nConnection: close\r\n"
        for (name, value) in headerFields { head += "\(name): \(value)\r\n" }
        head += "Content-Length: \(body.utf8.count)\r\n\r\n"
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: String(authority[0]), port: Int(authority[1]) ?? 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let bytes = try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: head + body))
            var bytes: [UInt8] = []
            for try await buffer in inbound { bytes += Array(buffer.readableBytesView) }
            return bytes
        }
        return read(String(decoding: bytes, as: UTF8.self))
    }

    private static func read(_ text: String) -> Answer {
        guard let end = text.firstRange(of: "\r\n\r\n") else {
            return Answer(status: nil, headerFields: [:], body: "", isCut: true)
        }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        var headerFields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ": ", maxSplits: 1)
            headerFields[parts[0].lowercased()] = parts.count > 1 ? String(parts[1]) : ""
        }
        let body = String(text[end.upperBound...])
        let announced = headerFields["content-length"].flatMap { Int($0) } ?? 0
        return Answer(
            status: lines.first.flatMap { Int($0.split(separator: " ")[1]) }, headerFields: headerFields, body: body,
            isCut: body.utf8.count < announced)
    }
}
