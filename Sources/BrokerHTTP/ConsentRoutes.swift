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
        guard case .provider(let location, let returnsByPost) = step else {
            // The code is shown where its button was.
            response.headers[.location] = request.uri.path
            return response
        }
        response.headers[.location] = location
        // Anew each time, so that it outlives this consent.
        response.headers.append(HTTPField(name: .setCookie, value: BrowserCookie.header(browser, site)))
        if returnsByPost {
            response.headers.append(
                HTTPField(name: .setCookie, value: BrowserCookie.header(browser, site, returnsByPost: true)))
        }
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
        [site.cookieName, site.postedCookieName].compactMap { request.cookies[$0]?.value }
            .first { (40...64).contains($0.utf8.count) }
    }

    /// Two hours: longer than a ticket and a consent together. `Lax`: it comes along when the provider sends the browser
    /// back, and with no form that another site posts. Where the provider posts its answer (case I13), a second one with
    /// `None` goes along, under a name of its own: consents in two tabs do not change each other's.
    static func header(_ value: String, _ site: Site, returnsByPost: Bool = false) -> String {
        let sameSite = returnsByPost && site.isSecure ? "None" : "Lax"
        let name = returnsByPost ? site.postedCookieName : site.cookieName
        return "\(name)=\(value); Path=/; Max-Age=7200; HttpOnly; SameSite=\(sameSite)"
            + (site.isSecure ? "; Secure" : "")
    }
}
