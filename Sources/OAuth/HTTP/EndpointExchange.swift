public import HTTPTypes

/// One request to an endpoint, ready to be sent. Prints method and address alone.
public struct EndpointRequest: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public var method: HTTPRequest.Method
    public var url: EndpointURL
    public var headerFields: HTTPFields
    public var body: [UInt8]
    /// The certificate that the TLS handshake presents (RFC 8705); nil for none.
    public var clientKey: ClientKey?

    public init(
        method: HTTPRequest.Method, url: EndpointURL, headerFields: HTTPFields, body: [UInt8] = [],
        clientKey: ClientKey? = nil
    ) {
        self.method = method
        self.url = url
        self.headerFields = headerFields
        self.body = body
        self.clientKey = clientKey
    }

    public var description: String { "\(method.rawValue) \(url)" }
    public var customMirror: Mirror { Mirror(self, children: ["request": description]) }

    /// What every request to an endpoint says: JSON is wanted, unencoded.
    static func standardFields(_ dialect: Dialect) -> HTTPFields {
        var fields: HTTPFields = [.accept: "application/json", .acceptEncoding: "identity"]
        for field in dialect.headerFields { fields[field.name] = field.value }
        return fields
    }
}

/// An endpoint's answer, not yet judged. Prints its status and size alone.
public struct EndpointResponse: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public var status: Int
    public var headerFields: HTTPFields
    public var body: [UInt8]

    public init(status: Int, headerFields: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.headerFields = headerFields
        self.body = body
    }

    public var description: String { "status \(status), \(body.count) bytes" }
    public var customMirror: Mirror { Mirror(self, children: ["response": description]) }

    /// The media type without its parameters, in lower case; empty when there is none.
    var mediaType: String {
        let value = headerFields[.contentType] ?? ""
        let end = value.firstIndex(of: ";") ?? value.endIndex
        return value[..<end].filter { $0 != " " && $0 != "\t" }.lowercased()
    }
}
