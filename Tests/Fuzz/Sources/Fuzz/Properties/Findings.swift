import OAuth

/// What is fuzzed, by name: `Tests/Fuzz/run` mutates the inputs, and FuzzCorpusTests puts those that are kept through the
/// same properties.
enum FuzzTarget: String, CaseIterable, Sendable {
    case callbacks, challenges, discovery, jwts, tokens

    /// What is wrong with what OAuth makes of an input; empty when all is well. Whatever stands there, OAuth must return.
    /// - Parameter prints: also however a value is printed, which takes most of the time.
    func faults(_ input: [UInt8], prints: Bool = true) -> [String] {
        var findings = Findings(prints: prints)
        switch self {
        case .callbacks: findings.checkCallback(input)
        case .challenges: findings.checkChallenges(input)
        case .discovery: findings.checkDiscovery(input)
        case .jwts: findings.checkTokens(signed: input)
        case .tokens: findings.checkAnswer(Message(input).response)
        }
        return findings.faults
    }
}

/// Collects what does not hold for one input.
struct Findings {
    /// Stands in inputs where a secret stands in life: printed, it is a leak.
    static let canary = "s3cr3t-canary"

    private(set) var faults: [String] = []
    private let prints: Bool

    init(prints: Bool) {
        self.prints = prints
    }

    mutating func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { faults.append(what()) }
    }

    /// The same twice, to the letter: errors are equal when their codes are.
    mutating func judgedTwice<Verdict: Hashable>(_ what: String, _ judge: () -> Verdict) -> Verdict {
        let verdict = judge()
        let second = judge()
        expect(
            verdict == second && verdict.hashValue == second.hashValue
                && String(reflecting: verdict) == String(reflecting: second), "\(what): another verdict the second time"
        )
        return verdict
    }

    /// However a value is printed, the canary does not show, unless it stands in what may be shown.
    mutating func expectHidden<Value>(_ value: Value, _ what: String, but shown: [String] = []) {
        guard prints, !shown.contains(where: { $0.contains(Self.canary) }) else { return }
        var printed = "\(value) \(String(reflecting: value)) \([value])"
        dump([value as Value?], to: &printed)
        expect(!printed.contains(Self.canary), "\(what): a secret shows")
    }

    /// Of a range, or nothing at all.
    mutating func expect(_ value: Int?, in range: ClosedRange<Int>, _ what: String) {
        if let value { expect(range.contains(value), "\(what) is \(value)") }
    }

    /// Characters that a token may hold (RFC 6749 appendix A), within a length.
    mutating func expectVisible(_ text: String?, upTo limit: Int, _ what: String, mayBeEmpty: Bool = false) {
        guard let text else { return }
        expect(mayBeEmpty || !text.isEmpty, "\(what) is empty")
        expect(text.utf8.count <= limit, "\(what) is longer than \(limit)")
        expect(text.utf8.allSatisfy { 0x20...0x7E ~= $0 }, "\(what) holds odd characters")
    }

    /// The bounds of an error, and that it is clean: cleaning it again changes nothing.
    mutating func check(_ error: OAuthError, _ what: String) {
        expect(!error.code.isEmpty, "\(what): an error without a code")
        let texts = [(error.code, 100), (error.description, 300), (error.uri, 300), (error.subcode, 100)]
        for case (let text?, let limit) in texts as [(String?, Int)] {
            expect(text.unicodeScalars.count <= limit, "\(what): an error's text is longer than \(limit)")
            expect(!text.unicodeScalars.contains(where: Self.isObeyed), "\(what): an error's text is not clean")
        }
        let again = OAuthError(
            code: error.code, description: error.description, uri: error.uri, subcode: error.subcode,
            numbers: error.numbers, status: error.status, claims: error.claims)
        expect(String(reflecting: again) == String(reflecting: error), "\(what): cleaning an error again changes it")
    }

    /// What a terminal, a log or a page could obey.
    static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
        [.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
    }
}

extension OAuthError {
    /// For people, all of it.
    var shown: [String] { [code, description, uri, subcode].compactMap { $0 } }
}

func isSame(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
