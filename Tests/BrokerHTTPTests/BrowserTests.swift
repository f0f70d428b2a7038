import Broker
import BrokerTesting
import HTTPTypes
import OAuth
import Testing

@Suite("Consent, in the browser")
struct BrowserTests {
    /// The cookie that an answer set, as a browser sends it back.
    private func cookieSet(by answer: TestService.Answer) -> String? {
        answer.headers[.setCookie].map { String($0.prefix { $0 != ";" }) }
    }

    private func formToken(in page: String) -> String? {
        page.components(after: "name=\"form_token\" value=\"")?.prefix { $0 != "\"" }.description
    }

    @Test("the page says who asks for what at which provider, and sets a __Host- cookie")
    func page() async throws {
        try await TestService.run { service in
            let link = try await service.addConsentConnection(owner: "alice")
            let page = try await service.call(.get, link)
            #expect(page.status == 200)
            for text in ["c1", "alice", "as.test", "read", "app"] { #expect(page.text.contains(text), "\(text)") }
            let cookie = try #require(page.headers[.setCookie])
            #expect(cookie.hasPrefix("__Host-credence="))
            for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] { #expect(cookie.contains(attribute)) }
            #expect(page.headers[.contentSecurityPolicy]?.contains("default-src 'none'") == true)
            #expect(page.headers[HTTPField.Name("Referrer-Policy")!] == "same-origin")
        }
    }

    @Test("an administrator who consented for everybody is told so; nothing is stored, and nothing else passes for it")
    func adminConsent() async throws {
        try await TestService.run { service in
            let made = try await service.call(
                .post, "/v1/clients", as: .admin,
                body:
                    #"{"id":"dir","provider":"azure-ad","client_id":"APP","auth":"none","fields":{"tenant":"acme.example"}}"#
            )
            #expect(
                made["admin_consent_url"]
                    == "https://login.microsoftonline.com/acme.example/adminconsent?client_id=APP&redirect_uri=https%3A%2F%2Fcredence.test%2Fcallback%2Fdir"
            )
            let given = try await service.call(.get, "/callback/dir?admin_consent=True&tenant=x")
            #expect(given.status == 200 && given.text.contains("Consent given"))
            let refused = try await service.call(
                .get, "/callback/dir?admin_consent=True&error=access_denied&error_description=%3Cb%3E")
            #expect(refused.status == 400 && refused.text.contains("Consent not given"))
            #expect(!refused.text.contains("<b>"))
            for other in ["?tenant=x", "?admin_consent=True&state=s", "?admin_consent=True&code=c"] {
                let answer = try await service.call(.get, "/callback/dir\(other)")
                #expect(answer.status == 400 && !answer.text.contains("Consent given"), "\(other)")
            }
        }
    }

    @Test("I13: without TLS the cookie has a plain name")
    func plainCookie() async throws {
        try await TestService.run(publicURL: "http://127.0.0.1:8400") { service in
            _ = try await service.call(
                .post, "/v1/clients", as: .admin,
                body:
                    #"{"id":"a","provider":"oauth2","client_id":"x","auth":"none","fields":{"authorization_endpoint":"https://as.test/a","token_endpoint":"https://as.test/t"}}"#
            )
            let made = try await service.call(.post, "/v1/connections", as: .app, body: #"{"id":"c","client":"a"}"#)
            guard case .string(let url)? = made.json?[path: "consent.url"] else { throw TestFailure("\(made.text)") }
            let page = try await service.call(.get, String(url.dropFirst("http://127.0.0.1:8400".count)))
            let cookie = try #require(page.headers[.setCookie])
            #expect(cookie.hasPrefix("credence=") && !cookie.contains("Secure"))
        }
    }

    @Test("from the link to the credential, and to the exact return address")
    func wholeConsent() async throws {
        try await TestService.run { service in
            _ = try await service.addConsentConnection()
            let consent = try await service.call(
                .post, "/v1/connections/c1/consent", as: .app, body: #"{"return_to":"\#(TestService.returnTo)"}"#)
            let link = String(try #require(consent["url"]).dropFirst(TestService.publicURL.count))
            let page = try await service.call(.get, link)
            let cookie = try #require(cookieSet(by: page))
            let token = try #require(formToken(in: page.text))
            let start = try await service.call(
                .post, link, headers: [.cookie: cookie, .origin: TestService.publicURL], body: "form_token=\(token)")
            #expect(start.status == 303)
            let location = try EndpointURL(try #require(start.headers[.location]))
            let query = try OAuth.Parameters(formURLEncoded: location.query ?? "")
            #expect(query["code_challenge_method"] == "S256")
            #expect(query["redirect_uri"] == "https://credence.test/callback/app-c1")
            let state = try #require(query["state"])

            service.exchange.expect(
                .json(#"{"access_token":"at-1","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-1"}"#))
            let back = try await service.call(
                .get, "/callback/app-c1?code=abc&state=\(state)", headers: [.cookie: cookie])
            #expect(back.status == 303)
            #expect(
                back.headers[.location]?.hasPrefix(TestService.returnTo + "&connection=c1&status=connected") == true)
            #expect(back.headers[HTTPField.Name("Referrer-Policy")!] == "no-referrer", "I10")
            let credential = try await service.call(.get, "/v1/connections/c1/credential", as: .runtime)
            #expect(credential["access_token"] == "at-1")
            #expect(credential.json?[path: "expires_in"] != nil)
            #expect(!credential.text.contains("rt-1"))

            let again = try await service.call(
                .get, "/callback/app-c1?code=abc&state=\(state)", headers: [.cookie: cookie])
            #expect(again.status == 400, "F2: a state is taken once")
            service.exchange.verifyAllUsed()
        }
    }

    @Test(
        "F4: a callback in another browser is refused before the code is spent",
        arguments: [nil, "__Host-credence=\(String(repeating: "x", count: 43))"])
    func otherBrowser(other: String?) async throws {
        try await TestService.run { service in
            let link = try await service.addConsentConnection()
            let page = try await service.call(.get, link)
            let start = try await service.call(
                .post, link, headers: [.cookie: try #require(cookieSet(by: page))],
                body: "form_token=\(formToken(in: page.text) ?? "")")
            let state = try #require(
                try OAuth.Parameters(formURLEncoded: try EndpointURL(start.headers[.location] ?? "").query ?? "")[
                    "state"])
            var headers = HTTPFields()
            headers[.cookie] = other
            let back = try await service.call(.get, "/callback/app-c1?code=abc&state=\(state)", headers: headers)
            #expect(back.status == 400)
            #expect(back.text.contains("wrong_browser"))
            #expect(service.exchange.requests.isEmpty)
        }
    }

    @Test(
        "I15: a form from elsewhere is refused",
        arguments: [
            "https://evil.test", "null", "https://credence.test.evil.test",
        ])
    func forgedForm(origin: String) async throws {
        try await TestService.run { service in
            let link = try await service.addConsentConnection()
            let page = try await service.call(.get, link)
            let start = try await service.call(
                .post, link, headers: [.cookie: cookieSet(by: page) ?? "", .origin: origin],
                body: "form_token=\(formToken(in: page.text) ?? "")")
            #expect(start.status == 403)
            #expect(start.headers[.location] == nil)
        }
    }

    @Test("I15: a browser's form without the page's token is refused")
    func tokenlessForm() async throws {
        try await TestService.run { service in
            let link = try await service.addConsentConnection()
            let page = try await service.call(.get, link)
            for body in ["", "form_token=wrong"] {
                let start = try await service.call(
                    .post, link, headers: [.cookie: cookieSet(by: page) ?? "", .origin: TestService.publicURL],
                    body: body)
                #expect(start.status == 403)
            }
        }
    }

    @Test("F7: looking spends nothing, and HEAD is not looking")
    func scanners() async throws {
        try await TestService.run { service in
            let link = try await service.addConsentConnection()
            for _ in 0..<3 { #expect(try await service.call(.get, link).status == 200) }
            #expect(try await service.call(.head, link).status == 405)
            #expect(try await service.call(.head, "/callback/app-c1?code=a&state=b").status == 405)
            #expect(try await service.call(.get, link).status == 200)
        }
    }

    @Test("I11: what the provider says is escaped")
    func escaped() async throws {
        try await TestService.run { service in
            let link = try await service.addConsentConnection(owner: "<script>alert(1)</script>")
            let page = try await service.call(.get, link)
            #expect(!page.text.contains("<script>"))
            let start = try await service.call(.post, link, headers: [.cookie: cookieSet(by: page) ?? ""], body: "")
            let state = try #require(
                try OAuth.Parameters(formURLEncoded: try EndpointURL(start.headers[.location] ?? "").query ?? "")[
                    "state"])
            let back = try await service.call(
                .get, "/callback/app-c1?error=access_denied&error_description=%3Cb%3Ehi%1B%5B31m&state=\(state)",
                headers: [.cookie: cookieSet(by: page) ?? ""])
            #expect(back.status == 400)
            #expect(!back.text.contains("<b>") && !back.text.contains("\u{1B}"))
            #expect(back.text.contains("access_denied"))
            let status = try await service.call(.get, "/v1/connections/c1", as: .app)
            #expect(status["status"] == "pending", "F12: an error leaves the connection as it was")
        }
    }

    @Test(
        "F15: only the exact return addresses are taken",
        arguments: [
            "https://app.test/done", "https://app.test/done?tab=1#x", "//app.test/done?tab=1", "javascript:alert(1)",
            "https://app.test/done?tab=1\\r\\nX: y", "https://u@app.test/done?tab=1",
        ])
    func returnTo(address: String) async throws {
        try await TestService.run { service in
            _ = try await service.addConsentConnection()
            let answer = try await service.call(
                .post, "/v1/connections/c1/consent", as: .app, body: #"{"return_to":"\#(address)"}"#)
            #expect(answer.status == 400)
        }
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension String {
    /// What follows the first occurrence.
    fileprivate func components(after marker: String) -> Substring? {
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(marker) { return rest.dropFirst(marker.count) }
            rest = rest.dropFirst()
        }
        return nil
    }
}
