internal import AsyncHTTPClient
internal import Broker
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import OAuth

extension PinnedClient {
    /// What an answer may hold: 1 MiB.
    static let maximumBody = 1 << 20

    /// Reads the body, within bounds. Leaving early drops the body, which closes the connection.
    func answer(from head: HTTPClientResponse) async throws -> EndpointResponse {
        // Refused rather than unfolded: a small answer may unfold to a very large one (N16).
        for name in ["content-encoding", "transfer-encoding"] {
            let codings = head.headers[canonicalForm: name].map { $0.lowercased() }
            guard codings.allSatisfy({ ["", "identity", "chunked"].contains($0) }) else {
                throw failed(.encoded, "\(name) is not identity")
            }
        }
        // The length announced is a promise at best: it spares the reading, and the bytes are counted all the same.
        let announced = head.headers.first(name: "content-length").flatMap { Int($0) }
        if let announced, announced > Self.maximumBody {
            throw failed(.tooLarge, "an answer of \(announced) bytes was announced")
        }
        var body: [UInt8] = []
        for try await part in head.body {
            guard body.count + part.readableBytes <= Self.maximumBody else {
                throw failed(.tooLarge, "the answer is larger than \(Self.maximumBody) bytes")
            }
            body.append(contentsOf: part.readableBytesView)
        }
        // A cancelled body ends as a complete one does.
        try Task.checkCancellation()
        return EndpointResponse(status: Int(head.status.code), headerFields: fields(of: head), body: body)
    }

    /// All fields but cookies: nothing here keeps state for a server.
    private func fields(of head: HTTPClientResponse) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name), name != .setCookie else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        return fields
    }

    private func failed(_ code: ExchangeFailure.Code, _ what: String) -> ExchangeFailure {
        ExchangeFailure(code, detail: "\(destination.hostInURL): \(what)", mayHaveArrived: true)
    }
}
