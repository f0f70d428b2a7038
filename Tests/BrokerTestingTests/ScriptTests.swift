import BrokerTesting
import HTTPTypes
import OAuth
import Testing

@Suite("FakeAuthorizationServer: script and journal")
struct ScriptTests {
    @Test("dropAfterProcessing rotates, and the connection closes without an answer")
    func dropAfter() async throws {
        try await App.withServer { app in
            let first = try await app.tokens().json("refresh_token")
            app.server.script(.dropAfterProcessing, on: .refresh)
            #expect(try await app.refresh(first).status == nil)
            #expect(app.server.counters.rotations == 1)
            #expect(app.server.liveRefreshToken(user: "alice") != first)
            #expect(app.server.count(.refresh) == 1)
        }
    }

    @Test("dropBefore closes the connection and nothing happened")
    func dropBefore() async throws {
        try await App.withServer { app in
            let first = try await app.tokens().json("refresh_token")
            app.server.script(.dropBefore, on: .refresh)
            #expect(try await app.refresh(first).status == nil)
            #expect(app.server.counters.rotations == 0)
            #expect(try await app.refresh(first).status == 200)
        }
    }

    @Test("truncateAfterProcessing sends half of the answer")
    func truncate() async throws {
        try await App.withServer { app in
            let first = try await app.tokens().json("refresh_token")
            app.server.script(.truncateAfterProcessing, on: .refresh)
            let answer = try await app.refresh(first)
            #expect(answer.status == 200)
            #expect(answer.isCut)
            #expect(app.server.counters.rotations == 1)
        }
    }

    @Test("a held request is answered when the test opens the gate")
    func hold() async throws {
        try await App.withServer { app in
            let token = try await app.tokens().json("refresh_token")
            let gate = Gate()
            app.server.script(.hold(gate), on: .refresh)
            async let answer = app.refresh(token)
            try await gate.arrivals(reach: 1)
            #expect(app.server.counters.rotations == 0)
            gate.open()
            #expect(try await answer.status == 200)
        }
    }

    @Test("holdAfterProcessing: the rotation stands while the answer waits")
    func holdAfter() async throws {
        try await App.withServer { app in
            let token = try await app.tokens().json("refresh_token")
            let gate = Gate()
            app.server.script(.holdAfterProcessing(gate), on: .refresh)
            async let answer = app.refresh(token)
            try await gate.arrivals(reach: 1)
            #expect(app.server.counters.rotations == 1)
            gate.open()
            #expect(try await answer.status == 200)
        }
    }

    @Test("the server ends though a request waits at a gate that nobody opens")
    func hangingEnds() async throws {
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            try await App.withServer { app in
                app.server.script(.hold(gate), on: .refresh)
                group.addTask { _ = try? await app.refresh("any") }
                try await gate.arrivals(reach: 1)
            }
        }
    }

    @Test("the witness counts refreshes that were under way together")
    func parallel() async throws {
        try await App.withServer(App.behaviour { $0.rotation = .none }) { app in
            let token = try await app.tokens().json("refresh_token")
            let gate = Gate()
            app.server.script(.hold(gate), on: .refresh, times: 3)
            async let one = app.refresh(token)
            async let two = app.refresh(token)
            async let three = app.refresh(token)
            try await gate.arrivals(reach: 3)
            gate.open()
            _ = try await (one, two, three)
            #expect(app.server.counters.maximumParallelRefreshes == 3)
        }
    }

    @Test("steps are used in order and then the server is itself again")
    func order() async throws {
        try await App.withServer { app in
            let token = try await app.tokens().json("refresh_token")
            app.server.script(.answer(.tooManyRequests(retryAfter: "7")), on: .refresh)
            app.server.script(.answer(.html(status: 503)), on: .refresh)
            app.server.script(.answer(.redirect(to: "http://127.0.0.1:9/")), on: .refresh)
            app.server.script(.refuse(code: "invalid_grant", description: "gone"), on: .refresh)
            let limited = try await app.refresh(token)
            #expect(limited.status == 429)
            #expect(limited["retry-after"] == "7")
            #expect(try await app.refresh(token)["content-type"] == "text/html; charset=utf-8")
            #expect(try await app.refresh(token).status == 302)
            #expect(try await app.refresh(token).json("error_description") == "gone")
            #expect(try await app.refresh(token).status == 200)
        }
    }

    @Test("an unknown path is 404 and unexpected")
    func unexpected() async throws {
        try await App.withServer { app in
            let answer = try await Wire.get(app.server.issuer + "/nowhere")
            #expect(answer.status == 404)
            #expect(app.server.journal.last?.isUnexpected == true)
            #expect(app.server.takeUnexpectedRequests().map(\.path) == ["/nowhere"])
            #expect(app.server.takeUnexpectedRequests().isEmpty)
        }
    }

    @Test("unexpected requests and unused steps are issues of the test")
    func loud() async throws {
        await withKnownIssue {
            try await App.withServer { app in
                _ = try await Wire.get(app.server.issuer + "/nowhere")
            }
        }
        await withKnownIssue {
            try await App.withServer { app in app.server.script(.dropBefore, on: .refresh) }
        }
    }

    @Test("the journal keeps headers, bytes and form as they came")
    func journal() async throws {
        try await App.withServer { app in
            _ = try await app.refresh("a b", headerFields: ["Accept": "application/json"])
            let entry = try #require(app.server.journal.last)
            #expect(entry.endpoint == .refresh)
            #expect(entry.path == "/token")
            #expect(entry.headerFields[.accept] == "application/json")
            #expect(entry.form?["refresh_token"] == "a b")
            #expect(String(decoding: entry.body, as: UTF8.self).hasPrefix("grant_type=refresh_token"))
        }
    }
}
