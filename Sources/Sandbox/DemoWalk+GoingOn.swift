import OAuth

/// What comes after the demo: a person's own browser, or a real provider.
extension DemoWalk {
    /// Leaves everything running until a process ends by itself or the task is cancelled.
    mutating func stay() async throws {
        output.step("Now it is your turn: open the link in a browser on this machine, and sign in as Alice.")
        try await credence(["connections", "add", "yours", "--client", "sandbox", "--owner", "you"])
        let link = try await link(to: "yours")
        announce(
            """

               Open      \(link)
               User      \(Serve.user)
               Password  \(Serve.password)

               Then, in another terminal, after the two exports of step 1:
               $ credence credential yours
               $ credence connections connect yours     (another link, when this one is used or 30 minutes old)

               Ctrl-C ends both processes and removes the folder.
            """)
        throw DemoProblem("\(try await programs.untilOneEnds()) ended by itself")
    }

    /// The first steps with a provider that has a profile here.
    func goingOn(with provider: String?) async throws -> String {
        guard let provider else { return "To go on with a real provider: credence providers list" }
        let text = try await programs.credence(["providers", "show", provider, "--json"]).text
        let profile = try JSONReader.read(Array(text.utf8))
        guard case .string(let title)? = profile[path: "title"] else { throw DemoProblem("no title stands in \(text)") }
        var documentation = ""
        if case .string(let page)? = profile[path: "documentation"] { documentation = "\n     (\(page))" }
        return """
            To go on with \(title):
              1. Register an OAuth app there. Its redirect URI (callback URL) is
                 http://127.0.0.1:8400/callback/\(provider)\(documentation)
              2. export PATH=\(programs.programFolder):$PATH
                 credence init
                 credence serve --development
              3. In another terminal, with the same PATH, make the app known; you are asked for its secret:
                 credence clients add \(provider) --provider \(provider) --client-id CLIENT_ID
                 credence clients secret add \(provider)
              4. Connect an account: open the link that the second command prints.
                 credence connections add mine --client \(provider)
                 credence connections connect mine
              5. credence credential mine
            """
    }
}
