import Broker
import HTTPTypes
import Hummingbird
import OAuth

/// `/connect/{ticket}`: the page that says who asks for what, and the step to the provider.
struct ConsentRoutes: Sendable {
    let consent: Consent
    let site: Site
    let pages: Pages

    func add(to routes: Routes) {
        routes.onBrowser(.get, "/connect/{ticket}", show)
        routes.onBrowser(.post, "/connect/{ticket}", start)
    }

    @Sendable
    private func show(_ request: Request, _ context: BrokerContext) async throws -> Response {
        let (browser, isNew) = BrowserCookie.browser(of: request, site, consent)
        let page = try await consent.page(ticket: ticket(context), browser: browser)
        if page.isConnected {
            return page.returnTo.map { .connected(page.connection, provider: page.providerTitle, returnTo: $0) }
                ?? pages.connected(page.connection, provider: page.providerTitle)
        }
        var response =
            page.isDevice
            ? pages.device(page, action: request.uri.path, at: consent.now)
            : pages.consent(page, action: request.uri.path, allowHTTP: !site.isSecure)
        // With no-referrer a browser would say `Origin: null` of the form; same-origin still tells other sites nothing.
        response.headers[.referrerPolicy] = "same-origin"
        if isNew { response.headers[.setCookie] = BrowserCookie.header(browser, site) }
        return response
    }

    @Sendable
    private func start(_ request: Request, _ context: BrokerContext) async throws -> Response {
        let form: OAuth.Parameters
        do {
            form = try OAuth.Parameters(formURLEncoded: try await RequestObject.body(of: request))
        } catch let error as BrokerError {
            throw error
        } catch {
            throw ConsentFailure(.forgedForm, "The form cannot be read. Open the link again.")
        }
        let (browser, _) = BrowserCookie.browser(of: request, site, consent)
        let step = try await consent.start(
            ticket: ticket(context), browser: browser, formToken: try Self.formToken(request, form, site))
        var response = Response(status: .seeOther)
        guard case .provider(let location) = step else {
            // The code is shown where its button was.
            response.headers[.location] = request.uri.path
            return response
        }
        response.headers[.location] = location
        // Anew each time, so that it outlives this consent.
        let asked = (try? EndpointURL(location))?.query.flatMap { try? OAuth.Parameters(formURLEncoded: $0) }
        response.headers[.setCookie] = BrowserCookie.header(
            browser, site, returnsByPost: asked?["response_mode"] == "form_post")
        return response
    }

    /// A browser says where a form came from (`Origin`, `Sec-Fetch-Site`): then it must be this site, and the form
    /// must carry the page's token (security case I15). What says neither is not a browser of the last years and
    /// holds no cookie that an attacker could borrow.
    private static func formToken(
        _ request: Request, _ form: OAuth.Parameters, _ site: Site
    ) throws(ConsentFailure) -> String? {
        let origin = request.headers[.origin]
        let fetchSite = request.headers[.fetchSite]
        guard origin != nil || fetchSite != nil else { return form["form_token"] }
        let isOurs =
            (origin == nil || origin == site.publicURL)
            && (fetchSite == nil || fetchSite == "same-origin" || fetchSite == "none")
        guard isOurs, let token = form["form_token"] else {
            throw ConsentFailure(
                .forgedForm,
                "This form was not sent from this site's own page. Open the link at \(site.publicURL) and continue from there."
            )
        }
        return token
    }

    private func ticket(_ context: BrokerContext) -> String {
        context.parameters.get("ticket") ?? ""
    }
}

/// The cookie that names a browser for as long as a consent lasts.
enum BrowserCookie {
    static func browser(of request: Request, _ site: Site, _ consent: Consent) -> (String, isNew: Bool) {
        if let known = value(in: request, site) { return (known, false) }
        return (consent.newBrowser(), true)
    }

    static func value(in request: Request, _ site: Site) -> String? {
        guard let value = request.cookies[site.cookieName]?.value, (40...64).contains(value.utf8.count) else {
            return nil
        }
        return value
    }

    /// Two hours: longer than a ticket and a consent together. `Lax`: it comes along when the provider sends the browser
    /// back, and with no form that another site posts; `None` only where the provider posts its answer (case I13).
    static func header(_ value: String, _ site: Site, returnsByPost: Bool = false) -> String {
        let sameSite = returnsByPost && site.isSecure ? "None" : "Lax"
        return "\(site.cookieName)=\(value); Path=/; Max-Age=7200; HttpOnly; SameSite=\(sameSite)"
            + (site.isSecure ? "; Secure" : "")
    }
}
