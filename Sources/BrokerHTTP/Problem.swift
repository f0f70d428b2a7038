import Broker
import HTTPTypes
import Hummingbird
import NIOCore
import OAuth

/// Errors as `application/problem+json` (RFC 9457), with `code`, and who must `act`.
enum Problem {
    static func response(_ error: BrokerError, allow: String? = nil) -> Response {
        let status = status(of: error.code)
        var members: [(String, JSONValue)] = [
            ("type", .string("urn:credence:error:\(error.code.rawValue)")),
            ("title", .string(title(of: error.code))),
            ("status", .number(JSONNumber(status.code))),
            ("detail", .string(error.detail)),
            ("code", .string(error.code.rawValue)),
            ("act", .string(error.actor.rawValue)),
        ]
        if let reason = error.reason { members.append(("reason", .string(reason))) }
        if let code = error.providerError { members.append(("provider_error", .string(code))) }
        if let field = error.field { members.append(("field", .string(field))) }
        var response = JSONResponse.response(
            .object(JSONObject(members)), status: status, contentType: "application/problem+json")
        if let retryAfter = error.retryAfter { response.headers[.retryAfter] = String(retryAfter) }
        if error.code == .unauthorized { response.headers[.wwwAuthenticate] = #"Bearer realm="credence""# }
        if let allow { response.headers[.allow] = allow }
        return response
    }

    private static func status(of code: BrokerError.Code) -> HTTPResponse.Status {
        switch code {
        case .invalidRequest: .badRequest
        case .unauthorized: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .payloadTooLarge: .contentTooLarge
        case .conflict, .reauthorizationRequired, .connectionDisabled, .notRefreshable, .secretRefused: .conflict
        case .providerUnavailable, .auditUnavailable, .storeUnavailable, .masterKeyUnavailable, .shuttingDown:
            .serviceUnavailable
        case .internalError: .internalServerError
        }
    }

    private static func title(of code: BrokerError.Code) -> String {
        switch code {
        case .invalidRequest: "The request is not valid"
        case .unauthorized: "Who is calling?"
        case .forbidden: "This caller may not do that"
        case .notFound: "Not found"
        case .methodNotAllowed: "Not with this method"
        case .payloadTooLarge: "The request is too large"
        case .conflict: "It conflicts with what is there"
        case .reauthorizationRequired: "The owner must connect again"
        case .connectionDisabled: "The connection is disabled"
        case .notRefreshable: "There is nothing to refresh"
        case .secretRefused: "The new secret is refused"
        case .providerUnavailable: "The provider gives no credential now"
        case .auditUnavailable: "The audit log cannot be written"
        case .storeUnavailable: "The store cannot be used"
        case .masterKeyUnavailable: "The master key cannot be had"
        case .shuttingDown: "The service is shutting down"
        case .internalError: "Something is wrong in Credence"
        }
    }
}

enum JSONResponse {
    /// Nothing that the API says is for a cache: it may hold a secret (RFC 6749 §5.1), or say who exists.
    static func response(
        _ value: JSONValue, status: HTTPResponse.Status = .ok, contentType: String = "application/json"
    ) -> Response {
        response(ByteBuffer(string: value.serialized()), status: status, contentType: contentType)
    }

    static func response(
        _ body: ByteBuffer, status: HTTPResponse.Status = .ok, contentType: String = "application/json"
    ) -> Response {
        var headers = HTTPFields()
        headers.reserveCapacity(4)
        headers[.contentType] = contentType
        headers[.cacheControl] = "no-store"
        headers[.contentLength] = String(body.readableBytes)
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}

/// What a handler throws to answer 405.
struct MethodNotAllowed: Error {
    let allow: String
}
