import Broker
import HTTPTypes
import Hummingbird
import OAuth

/// `/callback/{client}`: where the provider sends the browser back (RFC 6749 §3.1.2).
struct RedirectionEndpoint: Sendable {
    let consent: Consent
    let site: Site
    let pages: Pages

    func add(to routes: Routes) {
        routes.onBrowser(.get, "/callback/{client}") { [self] request, context in
            try await finish(request, context, encoded: Array((request.uri.query ?? "").utf8))
        }
        routes.onBrowser(.post, "/confirm/{word}", confirm)
        routes.onBrowser(.post, "/callback/{client}") { [self] request, context in
            try await finish(request, context, encoded: try await RequestObject.body(of: request))
        }
    }

    /// The owner's word on another account than before (security case F19). What protects it: the word in the path, which
    /// nobody can guess, and the cookie of the browser that consented.
    @Sendable
    private func confirm(_ request: Request, _ context: BrokerContext) async throws -> Response {
        let form: OAuth.Parameters
        do {
            form = try OAuth.Parameters(formURLEncoded: try await RequestObject.body(of: request))
        } catch let error as BrokerError {
            throw error
        } catch {
            throw ConsentFailure(.forgedForm, "The form cannot be read. Open the link again.")
        }
        let outcome = await consent.decide(
            word: context.parameters.get("word") ?? "", replaces: form["decision"] == "replace",
            browser: BrowserCookie.value(in: request, site))
        return answer(outcome)
    }

    private func finish(_ request: Request, _ context: BrokerContext, encoded: [UInt8]) async throws -> Response {
        guard let client = context.parameters.get("client").flatMap({ ClientID($0) }) else {
            throw ConsentFailure(.unknownState, "No client of this name redirects here.")
        }
        let parameters: OAuth.Parameters
        do {
            parameters = try OAuth.Parameters(formURLEncoded: encoded)
        } catch {
            throw ConsentFailure(.invalidResponse, "The provider's answer cannot be read. Open the link again.")
        }
        if let admin = await consent.adminConsent(client: client, parameters: parameters) {
            return pages.adminConsent(isGiven: admin.isGiven, provider: admin.providerTitle)
        }
        return answer(
            await consent.finish(
                client: client, parameters: parameters, browser: BrowserCookie.value(in: request, site)))
    }

    private func answer(_ outcome: ConsentOutcome) -> Response {
        switch outcome {
        case .connected(let id, let title, let returnTo?):
            return .connected(id, provider: title, returnTo: returnTo)
        case .connected(let id, let title, nil):
            return pages.connected(id, provider: title)
        case .otherAccount(let question):
            return pages.otherAccount(question)
        case .failed(let failure, let returnTo?):
            return .returning(to: returnTo, [("status", "failed"), ("error", failure.code.rawValue)])
        case .failed(let failure, nil):
            return pages.failure(failure)
        }
    }
}

extension Response {
    /// To the app that asked for the connection.
    static func connected(_ connection: ConnectionID, provider: String, returnTo: String) -> Response {
        returning(
            to: returnTo, [("connection", connection.string), ("status", "connected"), ("provider", provider)])
    }

    /// 303, so that the code leaves the address bar and the history's last entry (security case I10).
    fileprivate static func returning(to returnTo: String, _ pairs: [(String, String)]) -> Response {
        var response = Response(status: .seeOther)
        let query = OAuth.Parameters(pairs).formURLEncoded
        response.headers[.location] = returnTo + (returnTo.contains("?") ? "&" : "?") + query
        return response
    }
}
