public import HTTPTypes

extension FakeAuthorizationServer {
    /// What happens to one request instead of the usual.
    public enum Step: Sendable {
        /// Answers without doing what was asked for.
        case answer(Answer)
        /// Refuses as this server words its errors.
        case refuse(code: String, description: String = "scripted", status: Int = 400)
        /// The same, with all that this server's errors can hold.
        case fail(ErrorBody)
        /// Closes the connection without doing what was asked for.
        case dropBefore
        /// Does what was asked for and closes the connection without an answer.
        case dropAfterProcessing
        /// Does what was asked for and sends half of the answer.
        case truncateAfterProcessing
        /// Does what was asked for and answers something else.
        case answerAfterProcessing(Answer)
        /// Waits at the gate, then goes on as usual. A gate that never opens is a server that hangs.
        case hold(Gate)
        /// Does what was asked for, then waits at the gate with the answer.
        case holdAfterProcessing(Gate)
    }

    /// An answer of this server.
    public struct Answer: Sendable {
        public var status: Int
        public var headerFields: HTTPFields
        public var body: [UInt8]
        /// So many spaces follow the body; then the length is not announced.
        public var padding = 0

        public init(status: Int, headerFields: HTTPFields = [:], body: [UInt8] = []) {
            self.status = status
            self.headerFields = headerFields
            self.body = body
        }

        public static func status(_ status: Int) -> Answer {
            Answer(status: status)
        }

        public static func text(_ text: String, type: String, status: Int = 200) -> Answer {
            Answer(status: status, headerFields: [.contentType: type], body: Array(text.utf8))
        }

        public static func json(_ text: String, status: Int = 200) -> Answer {
            Answer.text(text, type: "application/json", status: status)
        }

        public static func html(status: Int = 503) -> Answer {
            .text(
                "<!DOCTYPE html><title>Maintenance</title><p>We will be back soon.", type: "text/html; charset=utf-8",
                status: status)
        }

        /// `Retry-After` as it stands in the header: seconds or an HTTP date.
        public static func tooManyRequests(retryAfter: String, status: Int = 429) -> Answer {
            Answer(status: status, headerFields: [.retryAfter: retryAfter])
        }

        public static func redirect(to location: String, status: Int = 302) -> Answer {
            Answer(status: status, headerFields: [.location: location])
        }
    }

    /// What the authorization endpoint does with a request that is in order.
    public enum Decision: Sendable, Hashable {
        /// Shows a login page and a consent page.
        case ask
        /// Approves at once; with fewer scopes than asked for where `scope` is given.
        case approve(user: String, scope: [String]? = nil)
        case deny
        /// Returns at once with an error.
        case refuse(code: String, description: String? = nil)
    }

    /// A registered client. No secret makes it a public one; with several any will do, as while a secret is replaced.
    public struct Client: Sendable {
        /// The public key of P-256 that its assertions are signed with, as x and y; nil for none.
        public var publicKey: [UInt8]?
        public let id: String
        public let secrets: [String]
        public let redirectURIs: [String]
        /// By secret, in seconds since 1970; the others do not expire.
        public var secretsExpireAt: [String: Int] = [:]
        /// Keys of RSA or P-256 that its assertions are signed with, with their certificates or without.
        public var keys: [PublicKey] = []
        /// Another name for its assertions to call it.
        public var otherID: String?
        /// The only host that knows it, without the port; nil for all.
        public var host: String?

        public init(id: String, secrets: [String], redirectURIs: [String]) {
            self.id = id
            self.secrets = secrets
            self.redirectURIs = redirectURIs
        }
    }
}
