import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import OAuth
import Synchronization

/// Gives the responder the connection, so that it can be cut.
struct ConnectionContext: InitializableFromSource {
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        channel = source.channel
    }
}

/// From bytes to the journal, through the script, to the rules and back to bytes.
extension FakeAuthorizationServer {
    /// What the script and the rules made of a request.
    private enum Outcome {
        case answer(Answer)
        case half(Answer)
        case drop
    }

    func respond(to request: Hummingbird.Request, on channel: any Channel) async throws -> Response {
        let body = try await request.body.collect(upTo: 1 << 20)
        let entry = entry(
            method: request.method, path: request.uri.path, query: request.uri.query ?? "",
            headerFields: request.headers, body: Array(body.readableBytesView), host: request.head.authority ?? "")
        switch await outcome(of: entry) {
        case .answer(let answer): return answer.response
        case .half(let answer): return answer.truncatedResponse(on: channel)
        case .drop:
            try? await channel.close()
            return Response(status: .internalServerError)
        }
    }

    /// A browser's visit without a browser: asks the authorization endpoint and returns where it redirects to.
    public func visit(_ url: String) async -> String? {
        let target = url.dropFirst("http://".count)
        let host = target.prefix { $0 != "/" && $0 != "?" }
        let parts = target.dropFirst(host.count).split(separator: "?", maxSplits: 1).map(String.init)
        let entry = entry(
            method: .get, path: parts.first ?? "/", query: parts.count > 1 ? parts[1] : "", headerFields: [:], body: [],
            host: String(host))
        guard case .answer(let answer) = await outcome(of: entry) else { return nil }
        return answer.headerFields[.location]
    }

    // MARK: The journal

    private func entry(
        method: HTTPRequest.Method, path: String, query: String, headerFields: HTTPFields, body: [UInt8],
        host: String
    ) -> JournalEntry {
        let type = headerFields[.contentType]?.split(separator: ";").first?.lowercased()
        let isForm = type == "application/x-www-form-urlencoded"
        let form = isForm ? try? Parameters(formURLEncoded: String(decoding: body, as: UTF8.self)) : nil
        let entry = JournalEntry(
            method: method, host: host, path: path, query: (try? Parameters(formURLEncoded: query)) ?? Parameters(),
            headerFields: headerFields, body: body, form: form,
            endpoint: endpoint(method, path, form: form))
        journalLog.update { $0.append(entry) }
        return entry
    }

    private func endpoint(_ method: HTTPRequest.Method, _ path: String, form: OAuth.Parameters?) -> Endpoint? {
        state.withLock { state -> Endpoint? in
            let paths = state.behaviour.paths
            if method == .get, state.metadata(at: path) != nil { return .metadata }
            guard path.hasPrefix(paths.issuer) else { return nil }
            let own = String(path.dropFirst(paths.issuer.count))
            guard !own.isEmpty else { return nil }
            switch (method, own) {
            case (.get, paths.authorization), (.post, paths.authorization): return .authorization
            case (.post, paths.token):
                let asksForDevice = form?["response_type"] == "device_code"
                return asksForDevice && state.behaviour.devicesAskAtTokenEndpoint
                    ? .deviceAuthorization : .token(grant: form?["grant_type"] ?? "")
            case (.post, paths.revocation): return .revocation
            case (.post, paths.introspection): return .introspection
            case (.post, paths.deviceAuthorization): return .deviceAuthorization
            case (.get, paths.deviceVerification), (.post, paths.deviceVerification): return .deviceVerification
            case (.post, paths.pushedAuthorization): return .pushedAuthorization
            case (.get, paths.keys): return .keys
            case (.get, paths.userinfo), (.post, paths.userinfo): return .userinfo
            case (.get, paths.resource): return .resource
            case (.post, paths.resource) where state.behaviour.resourceTakesPost: return .resource
            default: return Self.ownEndpoint(method, own, paths)
            }
        }
    }

    private static func ownEndpoint(_ method: HTTPRequest.Method, _ path: String, _ paths: Paths) -> Endpoint? {
        func fits(_ template: String) -> Bool { AuthorizationServerState.match(template, path) != nil }
        return switch method {
        case .delete where fits(paths.applicationGrant): .applicationGrant
        case .delete where fits(paths.installationRevocation): .installationRevocation
        case .post where fits(paths.installationToken): .installationToken
        case .post where fits(paths.bearerRevocation): .bearerRevocation
        case .get where fits(paths.adminConsent): .adminConsent
        case .delete, .patch, .post: fits(paths.applicationToken) ? .applicationToken : nil
        default: nil
        }
    }

    // MARK: The script

    private func outcome(of entry: JournalEntry) async -> Outcome {
        guard let endpoint = entry.endpoint else { return .answer(.status(404)) }
        let isParallel = begin(endpoint, entry)
        defer { end(endpoint, entry) }
        if isParallel {
            return .answer(
                state.withLock { $0.refusal(.parallelRefresh, "another refresh is under way", to: entry) })
        }
        do {
            switch takeStep(for: endpoint) {
            case nil: return .answer(process(entry))
            case .answer(let answer): return .answer(answer)
            case .refuse(let code, let description, let status):
                return .answer(
                    state.withLock { $0.refusal(code: code, description, status: status, to: entry) })
            case .fail(let body): return .answer(state.withLock { $0.answer(body, to: entry) })
            case .dropBefore: return .drop
            case .dropAfterProcessing:
                _ = process(entry)
                return .drop
            case .truncateAfterProcessing: return .half(process(entry))
            case .answerAfterProcessing(let answer):
                _ = process(entry)
                return .answer(answer)
            case .hold(let gate):
                try await gate.pass()
                return .answer(process(entry))
            case .holdAfterProcessing(let gate):
                let answer = process(entry)
                try await gate.pass()
                return .answer(answer)
            }
        } catch {
            // The server ends while somebody still waits at a gate.
            return .drop
        }
    }

    private func takeStep(for endpoint: Endpoint) -> Step? {
        scripts.withLock { scripts in
            guard let index = scripts.firstIndex(where: { $0.endpoint == endpoint }) else { return nil }
            let step = scripts[index].step
            if scripts[index].remaining < .max { scripts[index].remaining -= 1 }
            if scripts[index].remaining <= 0 { scripts.remove(at: index) }
            return step
        }
    }

    /// - Returns: whether another refresh with the same token is under way, where that counts.
    private func begin(_ endpoint: Endpoint, _ entry: JournalEntry) -> Bool {
        guard endpoint == .refresh else { return false }
        let token = entry.form?["refresh_token"] ?? ""
        return state.withLock { state in
            state.refreshesUnderWay += 1
            let maximum = max(state.counters.maximumParallelRefreshes, state.refreshesUnderWay)
            state.counters.maximumParallelRefreshes = maximum
            state.refreshTokensUnderWay[token, default: 0] += 1
            return state.behaviour.refusesParallelRefreshes && state.refreshTokensUnderWay[token, default: 0] > 1
        }
    }

    private func end(_ endpoint: Endpoint, _ entry: JournalEntry) {
        guard endpoint == .refresh else { return }
        let token = entry.form?["refresh_token"] ?? ""
        state.withLock { state in
            state.refreshesUnderWay -= 1
            state.refreshTokensUnderWay[token, default: 1] -= 1
        }
    }

    // MARK: The rules

    private func process(_ entry: JournalEntry) -> Answer {
        let now = clock()
        return state.withLock { state in
            state.now = now
            return switch entry.endpoint {
            case .metadata: state.metadata(at: entry.path) ?? .status(404)
            case .authorization: state.authorize(entry, now: now)
            case .token: state.token(entry, now: now)
            case .revocation: state.revoke(entry)
            case .introspection: state.introspect(entry, now: now)
            case .deviceAuthorization: state.authorizeDevice(entry, now: now)
            case .deviceVerification: state.verifyDevice(entry, now: now)
            case .pushedAuthorization: state.push(entry)
            case .keys: state.keys()
            case .userinfo: state.userinfo(entry, now: now)
            case .resource: state.resource(entry, now: now)
            case .applicationToken: state.applicationToken(entry, now: now)
            case .applicationGrant: state.applicationGrant(entry, now: now)
            case .installationToken: state.installationToken(entry, now: now)
            case .installationRevocation: state.revokeInstallationToken(entry, now: now)
            case .bearerRevocation: state.revokeOwnGrant(entry, now: now)
            case .adminConsent: state.consentForAll(entry)
            case nil: .status(404)
            }
        }
    }
}

extension FakeAuthorizationServer.Answer {
    fileprivate var response: Response {
        guard padding > 0 else { return plainResponse }
        let (body, padding) = (body, padding)
        return Response(
            status: HTTPResponse.Status(code: status), headers: headerFields,
            body: ResponseBody { writer in
                try await writer.write(ByteBuffer(bytes: body))
                let chunk = ByteBuffer(repeating: UInt8(ascii: " "), count: 1 << 16)
                var left = padding
                while left > 0 {
                    try await writer.write(chunk.getSlice(at: 0, length: min(left, chunk.readableBytes)) ?? chunk)
                    left -= chunk.readableBytes
                }
                try await writer.finish(nil)
            })
    }

    private var plainResponse: Response {
        Response(
            status: HTTPResponse.Status(code: status), headers: headerFields,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// Announces the whole body, sends half of it and closes the connection.
    fileprivate func truncatedResponse(on channel: any Channel) -> Response {
        let body = body
        return Response(
            status: HTTPResponse.Status(code: status), headers: headerFields,
            body: ResponseBody(contentLength: body.count) { writer in
                try await writer.write(ByteBuffer(bytes: body.prefix(body.count / 2)))
                try await channel.close()
            })
    }
}
