import AsyncHTTPClient
import Foundation
import OAuth

/// The way of one connection, step by step, each checked before the next begins.
struct DemoWalk {
    static let connection = "alice-at-sandbox"
    /// Short, so that a refresh can be watched.
    static let accessTokenLifetime = 6

    let programs: DemoPrograms
    let http: HTTPClient
    var output = DemoOutput()
    /// Where the service listens.
    var site = ""
    /// Where the sandbox listens.
    var issuer = ""
    /// The connector's caller key.
    var key = ""

    init(programs: DemoPrograms, http: HTTPClient) {
        self.programs = programs
        self.http = http
    }

    /// - Throws: `DemoProblem`, or what a program, a connection or a file threw.
    mutating func run() async throws {
        announce("Credence on this machine, from consent to refresh. Everything shown is a throw-away.")
        try await startService()
        try await startSandbox()
        try await registerClient()
        let link = try await addConnection(Self.connection)
        try await consent(link)
        let first = try await firstCredential()
        try await refreshedCredential(after: first)
        try await keepAPIKey()
        try await keepPassword()
        try await readAudit()
    }

    // MARK: Setting up

    private mutating func startService() async throws {
        output.step("A data folder with a master key of its own is made, and the service starts on it.")
        output.shown("export PATH=\(programs.programFolder):$PATH")
        output.shown("export CREDENCE_DATA=\(programs.data)")
        try await credence(["init"])
        output.note("That is the first admin key, which is shown once. In this shell it is not needed.")
        let arguments = ["serve", "--development", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"]
        output.command("credence", arguments)
        let text = try await programs.start("credence", programs.credence, arguments)
        site = try address(in: text)
        output.answer("listening on \(site)")
    }

    private mutating func startSandbox() async throws {
        output.step(
            """
            A sandbox authorization server starts, a process of its own. Its access tokens live \
            \(Self.accessTokenLifetime) seconds, and each refresh brings another refresh token.
            """)
        guard let program = Bundle.main.executableURL else { throw DemoProblem("this program does not know its path") }
        let arguments = [
            "serve", "--port", "0", "--access-token-lifetime", String(Self.accessTokenLifetime), "--rotation",
            "reuse-detection", "--redirect-uri", "\(site)/callback/sandbox",
        ]
        output.command("credence-sandbox", arguments)
        let text = try await programs.start("sandbox", program, arguments)
        issuer = try address(in: text)
        output.answer(text)
    }

    private func address(in text: String) throws -> String {
        guard let match = text.firstMatch(of: /listening on (http:\/\/\S+)/) else {
            throw DemoProblem("no address stands in: \(text)")
        }
        return String(match.1)
    }

    private mutating func registerClient() async throws {
        output.step("The client that is registered at the sandbox is made known; its secret is never an argument.")
        try await credence(
            [
                "clients", "add", "sandbox", "--provider", "oauth2", "--field", "issuer=\(issuer)", "--client-id",
                Serve.clientID, "--scope", "read", "--secret-stdin",
            ], input: Serve.clientSecret)
    }

    /// - Returns: The link for the owner's browser.
    private mutating func addConnection(_ id: String) async throws -> String {
        output.step("Alice's connection is added. It waits for her consent, which begins at a link.")
        try await credence(["connections", "add", id, "--client", "sandbox", "--owner", Serve.user])
        return try await link(to: id)
    }

    func link(to connection: String) async throws -> String {
        let link = try await credence(["connections", "connect", connection])
        try DemoProblem.check(link.hasPrefix("\(site)/connect/"), "the link leads to \(link)")
        return link
    }

    // MARK: Consent

    private mutating func consent(_ link: String) async throws {
        output.step("Alice opens the link, goes on to the sandbox, signs in there and allows the access.")
        var browser = DemoBrowser(http: http)
        var page = try await browser.open(link)
        try expect(page, at: site)
        page = try await browser.submit(page)
        try expect(page, at: issuer)
        page = try await browser.submit(page, [("user", Serve.user), ("password", Serve.password)])
        try expect(page, at: issuer)
        page = try await browser.submit(page, [("decision", "approve")])
        for hop in browser.hops { output.answer(hop.description) }
        try expect(page, at: site)
        try DemoProblem.check(page.title == "Connected", "the last page is '\(page.title)'")
        let status = try await credence(["connections", "status", Self.connection])
        try DemoProblem.check(status == "active", "after the consent the status is \(status)")
    }

    private func expect(_ page: DemoBrowser.Page, at place: String) throws {
        try DemoProblem.check(
            page.status == 200 && origin(of: page.url) == place,
            "the browser is at \(origin(of: page.url)) with status \(page.status) and the page '\(page.title)'")
    }

    // MARK: Everybody's

    /// Runs a verb and shows what it answered.
    ///
    /// - Returns: The answer, without the end of its last line.
    @discardableResult
    func credence(_ arguments: [String], input: String? = nil) async throws -> String {
        output.command("credence", arguments, input: input)
        let text = try await programs.credence(arguments, input: input).text
        output.answer(text)
        return text.trimmingCharacters(in: .newlines)
    }
}
