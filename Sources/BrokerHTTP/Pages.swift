import Broker
import HTTPTypes
import Hummingbird
import Mustache

/// The pages that people see. Templates escape everything they are given (security case I11); there are no scripts,
/// and nothing comes from another site.
struct Pages: Sendable {
    private let library: MustacheLibrary
    private let stylesheet: [UInt8]

    init() throws {
        library = MustacheLibrary(templates: [
            "consent": try Self.template(PackageResources.consent_mustache),
            "message": try Self.template(PackageResources.message_mustache),
            "device": try Self.template(PackageResources.device_mustache),
            "confirm": try Self.template(PackageResources.confirm_mustache),
        ])
        stylesheet = PackageResources.credence_css
    }

    private static func template(_ bytes: [UInt8]) throws -> MustacheTemplate {
        try MustacheTemplate(string: String(decoding: bytes, as: UTF8.self))
    }

    func add(to routes: Routes) {
        routes.onBrowser(.get, "/assets/credence.css") { [stylesheet] _, _ in
            var response = Response(status: .ok, body: .init(byteBuffer: .init(bytes: stylesheet)))
            response.headers[.contentType] = "text/css; charset=utf-8"
            response.headers[.cacheControl] = "public, max-age=3600"
            return response
        }
        routes.onBrowser(.get, "/") { [self] _, _ in
            message(
                title: "Credence",
                text:
                    "This is an OAuth 2.0 and credential broker. Its API is for programs; people come here by a link to connect an account.",
                tone: "plain", status: .ok)
        }
    }

    func consent(_ page: ConsentPage, action: String, allowHTTP: Bool) -> Response {
        let values: [String: Any] = [
            "action": action,
            "token": page.formToken,
            "provider": page.providerTitle,
            "host": page.providerHost,
            "connection": page.connection.string,
            "owner": page.owner ?? "",
            "hasOwner": page.owner != nil,
            // Links that were asked for at the admin socket have no caller's name.
            "requestedBy": page.requestedBy == "local" ? "An administrator of this service" : page.requestedBy,
            "reconnect": page.isReconnect,
            "hasScopes": !page.scopes.isEmpty,
            "scopes": page.scopes,
        ]
        // Browsers apply form-action to the redirects that follow a form too, and the provider may redirect on.
        return html(
            "consent", values, status: .ok, formAction: allowHTTP ? "'self' https: http:" : "'self' https:")
    }

    /// The code to enter at the provider, or the button that gets one (RFC 8628 §3.3).
    func device(_ page: ConsentPage, action: String, at now: Timestamp) -> Response {
        var values: [String: Any] = [
            "action": action,
            "token": page.formToken,
            "provider": page.providerTitle,
            "connection": page.connection.string,
            "owner": page.owner ?? "",
            "hasOwner": page.owner != nil,
            "requestedBy": page.requestedBy == "local" ? "An administrator of this service" : page.requestedBy,
            "hasScopes": !page.scopes.isEmpty,
            "scopes": page.scopes,
            "pending": false,
            "failed": false,
        ]
        if let device = page.device {
            switch device.status(at: now) {
            case "pending":
                values["pending"] = true
                values["code"] = device.userCode
                values["address"] = device.verificationURIComplete ?? device.verificationURI
                values["shownAddress"] = device.verificationURI
                values["host"] = page.providerHost
                let minutes = (device.expiresAt.since(now).secondsRoundedUp + 59) / 60
                values["expires"] = minutes == 1 ? "one more minute" : "\(minutes) more minutes"
            case DeviceConsent.connected: break
            case let failure:
                values["failed"] = true
                values["failure"] = failure
            }
        }
        return html("device", values, status: .ok, formAction: "'self'")
    }

    func otherAccount(_ question: OtherAccount) -> Response {
        html(
            "confirm",
            [
                "action": "/confirm/\(question.word)", "connection": question.connection.string,
                "provider": question.providerTitle, "old": question.old, "new": question.new,
            ], status: .ok, formAction: "'self'")
    }

    func connected(_ connection: ConnectionID, provider: String) -> Response {
        message(
            title: "Connected",
            text: "\(provider) is connected as \(connection). You can close this page.", tone: "good", status: .ok)
    }

    func adminConsent(isGiven: Bool, provider: String) -> Response {
        message(
            title: isGiven ? "Consent given" : "Consent not given",
            text: isGiven
                ? "\(provider) says that an administrator consented for everybody. People can connect now; you can close this page."
                : "\(provider) says that no administrator consented. Nothing was changed.",
            tone: isGiven ? "good" : "bad", status: isGiven ? .ok : .badRequest)
    }

    func failure(_ failure: ConsentFailure) -> Response {
        let (title, status): (String, HTTPResponse.Status) =
            switch failure.code {
            case .unknownTicket: ("This link is not known", .notFound)
            case .expiredTicket: ("This link has expired", .gone)
            case .unknownState: ("This consent is not known", .badRequest)
            case .expiredState: ("This consent has expired", .badRequest)
            case .wrongBrowser: ("Another browser began", .badRequest)
            case .forgedForm: ("This form is not ours", .forbidden)
            case .invalidResponse: ("The answer cannot be trusted", .badRequest)
            case .refused: ("Not connected", .badRequest)
            case .providerUnavailable:
                ("The provider did not answer", .init(code: 424, reasonPhrase: "Failed Dependency"))
            case .misconfigured: ("Not set up", .conflict)
            case .connectionGone: ("This connection is gone", .gone)
            case .unavailable: ("Not now", .serviceUnavailable)
            }
        return message(
            title: title, text: failure.detail, tone: "bad", code: failure.providerError ?? failure.code.rawValue,
            status: status)
    }

    func problem(_ error: BrokerError) -> Response {
        message(
            title: error.code == .notFound ? "Nothing here" : "This did not work", text: error.detail, tone: "bad",
            code: error.code.rawValue,
            status: error.code == .notFound
                ? .notFound : error.code == .payloadTooLarge ? .contentTooLarge : .badRequest)
    }

    private func message(
        title: String, text: String, tone: String, code: String? = nil, status: HTTPResponse.Status
    ) -> Response {
        html(
            "message",
            ["title": title, "text": text, "tone": tone, "hasCode": code != nil, "code": code ?? ""],
            status: status)
    }

    private func html(
        _ name: String, _ values: [String: Any], status: HTTPResponse.Status, formAction: String = "'none'"
    ) -> Response {
        let body = library.render(values, withTemplate: name) ?? ""
        var response = Response(status: status, body: .init(byteBuffer: .init(string: body)))
        response.headers[.contentType] = "text/html; charset=utf-8"
        response.headers[.cacheControl] = "no-store"
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'self'; form-action \(formAction); base-uri 'none'; frame-ancestors 'none'"
        return response
    }
}
