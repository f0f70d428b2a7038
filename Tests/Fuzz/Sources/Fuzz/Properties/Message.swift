import HTTPTypes
import OAuth

/// An answer as the corpus writes it: `HTTP 400`, header lines, an empty line and the body. An input that does not begin
/// so is the body of a 200 in JSON.
struct Message {
    let response: EndpointResponse

    init(_ input: [UInt8]) {
        guard input.starts(with: "HTTP ".utf8) else {
            response = EndpointResponse(
                status: 200, headerFields: [.contentType: "application/json"], body: input)
            return
        }
        var rest = input.dropFirst(5)
        func line() -> String {
            let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[min(end + 1, rest.endIndex)...]
            return line
        }
        let status = Int(line()) ?? 0
        var fields = HTTPFields()
        while !rest.isEmpty {
            let field = line()
            guard !field.isEmpty, fields.count < 32 else { break }
            let parts = field.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = HTTPField.Name(String(parts[0])) else { continue }
            fields.append(HTTPField(name: name, value: String(parts[1])))
        }
        response = EndpointResponse(status: status, headerFields: fields, body: Array(rest))
    }
}
