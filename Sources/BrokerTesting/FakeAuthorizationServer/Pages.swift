import HTTPTypes
import OAuth

/// The pages a person sees. No scripts, nothing from elsewhere; everything that was sent is escaped.
enum Pages {
    typealias Answer = FakeAuthorizationServer.Answer

    static func login(client: String, failed: Bool) -> Answer {
        let problem = failed ? #"<p class="problem" role="alert">User and password do not fit.</p>"# : ""
        return page(
            "Sign in", status: failed ? 403 : 200,
            """
            <h1>Sign in</h1>
            <p>to go on to <strong>\(escaped(client))</strong></p>
            \(problem)
            <form method="post">
            <label for="user">User</label>
            <input id="user" name="user" autocomplete="username" required autofocus>
            <label for="password">Password</label>
            <input id="password" name="password" type="password" autocomplete="current-password" required>
            <div class="buttons"><button type="submit" class="primary">Sign in</button></div>
            </form>
            """)
    }

    static func consent(client: String, user: String, scope: [String], ticket: String) -> Answer {
        let items = scope.map { "<li><code>\(escaped($0))</code></li>" }.joined(separator: "\n")
        let list =
            scope.isEmpty
            ? "<p>It asks for no particular scope.</p>" : "<p>It asks for</p>\n<ul>\n\(items)\n</ul>"
        return page(
            "Allow access",
            """
            <h1>Allow access?</h1>
            <p><strong>\(escaped(client))</strong> wants to act for <strong>\(escaped(user))</strong>.</p>
            \(list)
            <form method="post">
            <input type="hidden" name="ticket" value="\(escaped(ticket))">
            <div class="buttons">
            <button type="submit" name="decision" value="approve" class="primary">Allow</button>
            <button type="submit" name="decision" value="deny">Deny</button>
            </div>
            </form>
            """)
    }

    static func device(code: String, problem: String?) -> Answer {
        let alert = problem.map { "<p class=\"problem\" role=\"alert\">\(escaped($0))</p>" } ?? ""
        return page(
            "Connect a device", status: problem == nil ? 200 : 403,
            """
            <h1>Connect a device</h1>
            \(alert)
            <form method="post">
            <label for="user_code">Code</label>
            <input id="user_code" name="user_code" value="\(escaped(code))" autocomplete="off" required>
            <label for="user">User</label>
            <input id="user" name="user" autocomplete="username" required>
            <label for="password">Password</label>
            <input id="password" name="password" type="password" autocomplete="current-password" required>
            <div class="buttons">
            <button type="submit" name="decision" value="approve" class="primary">Allow</button>
            <button type="submit" name="decision" value="deny">Deny</button>
            </div>
            </form>
            """)
    }

    static func deviceDone(isAllowed: Bool) -> Answer {
        let text = isAllowed ? "The device may act for you." : "The device was refused."
        return page("Done", "<h1>Done</h1>\n<p>\(text) You can close this window.</p>")
    }

    /// The code, for a person to carry (a client without a redirect URI).
    static func code(_ code: String) -> Answer {
        page("Your code", "<h1>Your code</h1>\n<p>Enter it where you came from: <code>\(escaped(code))</code></p>")
    }

    /// OAuth 2.0 Form Post Response Mode; without scripts a person sends it on.
    static func post(_ response: Parameters, to redirectURI: String) -> Answer {
        let inputs = response.pairs.map {
            "<input type=\"hidden\" name=\"\(escaped($0.name))\" value=\"\(escaped($0.value))\">"
        }
        return page(
            "Go on",
            """
            <h1>Go on</h1>
            <form method="post" action="\(escaped(redirectURI))">
            \(inputs.joined(separator: "\n"))
            <div class="buttons"><button type="submit" class="primary">Go on</button></div>
            </form>
            """)
    }

    static func problem(_ text: String) -> Answer {
        page("Something is wrong", status: 400, "<h1>Something is wrong</h1>\n<p>\(escaped(text))</p>")
    }

    private static func page(_ title: String, status: Int = 200, _ body: String) -> Answer {
        var answer = Answer.text(
            """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escaped(title)) – sandbox</title>
            <style>
            :root { color-scheme: light dark; --ink: #1c2430; --soft: #566173; --paper: #fff; --ground: #eef1f5;
              --line: #8a94a6; --accent: #1d4fbf; --accent-ink: #fff; --alarm: #a3161f; }
            @media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --soft: #a9b2c0; --paper: #1b212b;
              --ground: #10141a; --line: #6b7688; --accent: #8ab0ff; --accent-ink: #0d1320; --alarm: #ff9aa0; } }
            * { box-sizing: border-box; }
            body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
              background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
            main { width: 100%; max-width: 24rem; padding: 2rem; background: var(--paper); border-radius: .75rem;
              box-shadow: 0 1px 3px rgb(0 0 0 / .2); }
            h1 { margin: 0 0 .5rem; font-size: 1.4rem; }
            p { margin: 0 0 1rem; overflow-wrap: anywhere; }
            ul { margin: 0 0 1rem; padding-left: 1.25rem; }
            label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
            input { width: 100%; padding: .6rem; font: inherit; color: inherit; background: transparent;
              border: 1px solid var(--line); border-radius: .4rem; }
            .buttons { display: flex; gap: .75rem; margin-top: 1.5rem; }
            button { flex: 1; padding: .65rem; font: inherit; font-weight: 600; color: inherit;
              background: transparent; border: 1px solid var(--line); border-radius: .4rem; cursor: pointer; }
            button.primary { color: var(--accent-ink); background: var(--accent); border-color: var(--accent); }
            :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
            .problem { color: var(--alarm); font-weight: 600; }
            footer { margin-top: 1.5rem; color: var(--soft); font-size: .85rem; }
            </style>
            </head>
            <body>
            <main>
            \(body)
            <footer>Sandbox authorization server. Nothing here is real.</footer>
            </main>
            </body>
            </html>
            """, type: "text/html; charset=utf-8", status: status)
        answer.headerFields[.cacheControl] = "no-store"
        answer.headerFields[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
        answer.headerFields[.xContentTypeOptions] = "nosniff"
        return answer
    }

    static func escaped(_ text: String) -> String {
        var html = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": html += "&amp;"
            case "<": html += "&lt;"
            case ">": html += "&gt;"
            case "\"": html += "&quot;"
            case "'": html += "&#39;"
            default: html.unicodeScalars.append(character)
            }
        }
        return html
    }
}
