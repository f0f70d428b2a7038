import HTTPTypes
import OAuth

/// `WWW-Authenticate`, a line of the input being a line of the header; and, read as another header, `Retry-After` and
/// `DPoP-Nonce`.
extension Findings {
    mutating func checkChallenges(_ input: [UInt8]) {
        let lines = input.split(separator: 0x0A, omittingEmptySubsequences: false).prefix(8)
            .map { String(decoding: $0, as: UTF8.self) }
        var fields = HTTPFields()
        for line in lines { fields.append(HTTPField(name: .wwwAuthenticate, value: line)) }
        let challenges = judgedTwice("challenges") { Challenge.read(fields) }
        if let challenges { check(challenges) }
        checkAnswers(fields)
        for line in lines { checkRetryAfter(line) }
    }

    private mutating func check(_ challenges: [Challenge]) {
        expect(!challenges.isEmpty, "no challenge at all")
        let names = challenges.flatMap { [$0.scheme] + $0.parameters.keys }
        expectHidden(challenges, "challenges", but: names)
        expect(names.allSatisfy { $0 == $0.lowercased() && !$0.isEmpty }, "a name that is not in lower case")
        expect(
            names.joined().utf8.allSatisfy { 0x21...0x7E ~= $0 && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0) }, "a name")
        for challenge in challenges {
            expect(challenge.token68 == nil || challenge.parameters.isEmpty, "a token68 beside parameters")
            expect(challenge.scope?.allSatisfy { !$0.isEmpty && !$0.contains(" ") } ?? true, "a scope that is none")
            expect(
                !challenge.parameters.values.joined().unicodeScalars.contains { $0.value < 0x20 && $0 != "\t" },
                "a control character in a challenge")
        }
        let written = Self.written(challenges)
        guard written.utf8.count <= 16_384 else { return }
        expect(Challenge.read([.wwwAuthenticate: written]) == challenges, "challenges are others when read again")
    }

    /// As RFC 9110 §11.6.1 has it.
    private static func written(_ challenges: [Challenge]) -> String {
        func quoted(_ text: String) -> String {
            var quoted = ""
            for scalar in text.unicodeScalars {
                if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
                quoted.unicodeScalars.append(scalar)
            }
            return "\"\(quoted)\""
        }
        return challenges.map { challenge in
            let parameters = challenge.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\(quoted($0.value))" }
            return ([challenge.scheme, challenge.token68 ?? parameters.joined(separator: ", ")])
                .filter { !$0.isEmpty }.joined(separator: " ")
        }.joined(separator: ", ")
    }

    /// What answers with these challenges are.
    private mutating func checkAnswers(_ fields: HTTPFields) {
        for status in [400, 401, 403] {
            let response = EndpointResponse(status: status, headerFields: fields)
            if case .refused(let refusal) = UserInfo.judge(response) {
                check(refusal)
            } else {
                expect(status == 400, "\(status) is no refusal")
            }
            let asks = (Challenge.read(fields) ?? []).contains {
                $0.scheme == "dpop" && $0.parameters["error"] == "use_dpop_nonce"
            }
            expect(DPoPProof.wantsNonce(response) == (asks && status != 403), "a nonce is asked for or not")
        }
        let response = EndpointResponse(status: 401, headerFields: fields)
        guard let challenge = judgedTwice("a resource's challenge", { ProtectedResource.challenge(in: response) })
        else {
            return
        }
        expect(["bearer", "dpop"].contains(challenge.scheme), "a challenge of another scheme")
        guard let resource = try? EndpointURL("https://api.example/v1?x=1") else { return }
        do throws(EndpointURL.Invalid) {
            let requests = try ProtectedResource.metadataRequests(
                of: resource, challenge: challenge, allowHTTP: false)
            expect(!requests.isEmpty, "no document to ask for")
            // RFC 9728 §7.3: nowhere but where the resource is.
            for request in requests {
                expect(
                    request.url.scheme == "https" && request.url.host == "api.example"
                        && [nil, 443].contains(request.url.port), "a challenge leads elsewhere")
                expectHidden(request, "a request for metadata", but: [request.url.path])
            }
        } catch {
            expectHidden(error, "a refused pointer")
        }
    }

    // MARK: Retry-After, DPoP-Nonce

    private mutating func checkRetryAfter(_ text: String) {
        let read = judgedTwice("Retry-After") { RetryAfter(header: text) }
        check(read)
        // A leap second is read as the second after it, which is written otherwise.
        if case .date(let seconds)? = read, seconds < 253_402_300_800 {
            expect(RetryAfter(header: Self.httpDate(seconds)) == read, "Retry-After is another when read again")
        }
        let fields: HTTPFields = [DPoPProof.nonceField: text]
        let response = EndpointResponse(status: 401, headerFields: fields)
        expectVisible(DPoPProof.nonce(in: response), upTo: 1024, "a nonce")
    }

    /// The calendar by counting: slow, and another way than the one under test.
    private static func httpDate(_ seconds: Int) -> String {
        var days = seconds / 86_400
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days % 7]
        var year = 1970
        func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
        while days >= (isLeap(year) ? 366 : 365) {
            days -= isLeap(year) ? 366 : 365
            year += 1
        }
        var months = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][...]
        while let length = months.first, days >= length {
            days -= length
            months.removeFirst()
        }
        let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let time = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map(two).joined(separator: ":")
        return "\(weekday), \(two(days + 1)) \(names[months.startIndex]) \(year) \(time) GMT"
    }
}
