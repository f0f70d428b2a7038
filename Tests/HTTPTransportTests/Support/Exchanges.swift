import Broker
import HTTPTransport
import HTTPTypes
import OAuth
import Synchronization
import Testing

/// A resolver that gives its answers in order, the last one again and again, and counts the questions.
final class StubResolver: NameResolver {
    private let answers: [[String]]
    let questions = Counter()

    init(_ answers: [String]...) { self.answers = answers }

    func addresses(of host: String) async throws -> [IPAddress] {
        defer { questions.add() }
        return answers[min(questions.value, answers.count - 1)].map { IPAddress($0)! }
    }
}

/// A resolver that never answers.
struct SilentResolver: NameResolver {
    func addresses(of host: String) async throws -> [IPAddress] {
        let never = AsyncStream<Void>.makeStream()
        for await _ in never.stream {}
        throw CancellationError()
    }
}

func request(
    _ url: String, method: HTTPRequest.Method = .post, fields: HTTPFields = [:], body: String = "grant_type=test"
) throws -> EndpointRequest {
    EndpointRequest(
        method: method, url: try EndpointURL(url), headerFields: fields, body: method == .get ? [] : Array(body.utf8))
}

/// Sends a form to the URL and gives the answer or the failure.
func exchange(
    _ url: String, policy: EgressPolicy = .development, resolver: any NameResolver = StubResolver(["127.0.0.1"]),
    trustRoots: String? = nil, within deadline: Duration = .seconds(20)
) async throws -> Result<EndpointResponse, ExchangeFailure> {
    let exchange = try VettedExchange(policy: policy, resolver: resolver, additionalTrustRoots: trustRoots)
    let request = try request(url)
    do {
        return .success(try await exchange.send(request, within: deadline))
    } catch {
        return .failure(error)
    }
}

extension Result where Success == EndpointResponse, Failure == ExchangeFailure {
    var response: EndpointResponse? { try? get() }
    var failure: ExchangeFailure? { if case .failure(let failure) = self { failure } else { nil } }
}

func expect(
    _ result: Result<EndpointResponse, ExchangeFailure>, failsWith code: ExchangeFailure.Code, mayHaveArrived: Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(result.failure?.code == code, "\(result)", sourceLocation: sourceLocation)
    #expect(result.failure?.mayHaveArrived == mayHaveArrived, "\(result)", sourceLocation: sourceLocation)
}
