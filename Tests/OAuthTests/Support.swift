import HTTPTypes

@testable import OAuth

/// Answers and addresses as the tests write them.
extension EndpointResponse {
    init(_ status: Int, _ type: String? = "application/json", _ body: String) {
        self.init(status: status, headerFields: type.map { [.contentType: $0] } ?? [:], body: Array(body.utf8))
    }
}

func endpoint(_ text: String = "https://as.example/token") throws -> EndpointURL { try EndpointURL(text) }

func json(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8)) }

/// All the ways in which a value is printed without anybody meaning to.
func printed<Value>(_ value: Value) -> String {
    var dumped = ""
    dump(value, to: &dumped)
    dump([value as Value?], to: &dumped)
    return "\(value) \(String(describing: value)) \(String(reflecting: value)) \([value]) \(dumped)"
}

extension Parameters {
    /// The form in a request's body.
    init(bodyOf request: EndpointRequest) throws {
        try self.init(formURLEncoded: request.body)
    }
}
