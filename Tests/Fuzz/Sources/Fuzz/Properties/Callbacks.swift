import OAuth

/// What comes back to the redirection endpoint, as a query or as a form: the same bytes.
extension Findings {
    private static let issuer = "https://as.example"

    /// With an issuer that is known or not, that is promised or not, and a code by its usual name or another.
    private static let cases: [(server: AuthorizationServer, dialect: Dialect)] = {
        var cases: [(AuthorizationServer, Dialect)] = []
        for (known, promised) in [(false, false), (true, false), (true, true), (false, true)] {
            var server = AuthorizationServer()
            server.issuer = known ? issuer : nil
            server.authorizationResponseIssParameterSupported = promised
            cases.append((server, Dialect()))
        }
        var dialect = Dialect()
        dialect.codeParameter = "auth_code"
        cases.append((cases[1].0, dialect))
        return cases
    }()

    mutating func checkCallback(_ input: [UInt8]) {
        guard let parameters = checkForm(input) else { return }
        for (server, dialect) in Self.cases {
            let verdict = judgedTwice("a callback") {
                AuthorizationResponse.judge(parameters, server: server, dialect: dialect)
            }
            switch verdict {
            case .code(let code):
                expectVisible(code.reveal(), upTo: 8192, "a code")
                expect(parameters.values(of: dialect.codeParameter) == [code.reveal()], "a code from elsewhere")
                expect(["", nil].contains(parameters["error"]), "a code beside an error")
                expectIssuer(parameters, server)
                expectHidden(verdict, "a callback")
            case .refused(let error):
                check(error, "a callback")
                expectIssuer(parameters, server)
                expectHidden(verdict, "a callback", but: error.shown)
            case .invalid: expectHidden(verdict, "a callback")
            }
            for name in ["code", "state", "error", "iss", "response"] where parameters.values(of: name).count > 1 {
                if case .invalid = verdict { continue }
                expect(false, "a callback with \(name) twice")
            }
        }
        checkRequest(parameters)
    }

    /// RFC 9207 §2.4.
    private mutating func expectIssuer(_ parameters: Parameters, _ server: AuthorizationServer) {
        guard let found = parameters["iss"] else { return }
        expect(
            server.issuer.map { isSame($0, found) } ?? !server.authorizationResponseIssParameterSupported,
            "an answer of another issuer")
    }

    /// The same parameters in a request of ours: nothing that somebody wrote gets out of its place in the URL.
    private mutating func checkRequest(_ parameters: Parameters) {
        guard let endpoint = try? EndpointURL("https://as.example/authorize?tenant=1") else { return }
        var request = AuthorizationRequest(
            clientID: "c", redirectURI: "https://credence.example/callback/a", scope: ["a"],
            state: Secret(Self.canary), codeChallenge: nil, additional: parameters)
        request.nonce = "n"
        let wanted = request.parameters(dialect: Dialect())
        let text = request.url(at: endpoint, dialect: Dialect())
        expect(text.hasPrefix("https://as.example/authorize?tenant=1&"), "a request goes elsewhere")
        guard text.utf8.count <= 8192 else { return }
        guard let url = try? EndpointURL(text), let query = try? Parameters(formURLEncoded: url.query ?? "") else {
            return expect(false, "a request's URL cannot be read")
        }
        expect(
            query.pairs.dropFirst().elementsEqual(wanted.pairs) {
                isSame($0.name, $1.name) && isSame($0.value, $1.value)
            },
            "a request's URL says something else")
        expect(!wanted.pairs.contains { $0.value.isEmpty }, "a request with an empty parameter")
        expectHidden(url, "a request's URL")
    }
}
