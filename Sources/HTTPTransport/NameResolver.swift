internal import Glibc
internal import NIOPosix
internal import Synchronization

/// Turns a host name into addresses.
public protocol NameResolver: Sendable {
    /// - Parameter host: a host name, never an address.
    /// - Returns: all addresses of the host, the one to try first in front.
    /// - Throws: whatever tells the operator why there is none. Ends at once when the task is cancelled: that is
    ///   how the exchange's deadline reaches the look-up.
    func addresses(of host: String) async throws -> [IPAddress]
}

/// The system's resolver: `getaddrinfo`, so `/etc/hosts` and `/etc/resolv.conf` count.
public struct SystemResolver: NameResolver {
    /// The system found no address.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public init() {}

    public func addresses(of host: String) async throws -> [IPAddress] {
        let answer = Answer()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard answer.await(with: continuation) else { return }
                Self.threads.submit { _ in
                    // A caller that left while the queue was long saves the look-up.
                    if !answer.isGiven { answer.give(Result { try Self.lookUp(host) }) }
                }
            }
        } onCancel: {
            answer.give(.failure(CancellationError()))
        }
    }

    /// `getaddrinfo` blocks, for half a minute when no name server answers, and cannot be called off. It has
    /// threads of its own so that a dead name server holds up look-ups and nothing else.
    private static let threads: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 8)
        pool.start()
        return pool
    }()

    private static func lookUp(_ host: String) throws -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else { throw Failure(description: String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(list) }
        return sequence(first: list, next: { $0?.pointee.ai_next }).compactMap { entry in
            entry.flatMap { address(in: $0.pointee) }
        }
    }

    /// The address lies at byte 4 of `sockaddr_in` and at byte 8 of `sockaddr_in6` (netinet/in.h).
    private static func address(in entry: addrinfo) -> IPAddress? {
        let place: Range<Int>
        switch entry.ai_family {
        case AF_INET: place = 4..<8
        case AF_INET6: place = 8..<24
        default: return nil
        }
        guard let start = entry.ai_addr, Int(entry.ai_addrlen) >= place.upperBound else { return nil }
        return IPAddress(Array(UnsafeRawBufferPointer(start: start, count: place.upperBound)[place]))
    }
}

/// The answer to one look-up: the thread's or the cancellation's, whichever is first.
private final class Answer: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<[IPAddress], any Error>)
        /// Given; what came before anybody waited is kept.
        case given((any Error)?)
    }

    private let state = Mutex(State.open)

    var isGiven: Bool {
        state.withLock { if case .given = $0 { true } else { false } }
    }

    /// - Returns: false when the look-up was cancelled before it began; the continuation has then been resumed.
    func await(with continuation: CheckedContinuation<[IPAddress], any Error>) -> Bool {
        let early: (any Error)? = state.withLock {
            if case .given(let error) = $0 { return error ?? CancellationError() }
            $0 = .awaited(continuation)
            return nil
        }
        if let early { continuation.resume(throwing: early) }
        return early == nil
    }

    func give(_ result: Result<[IPAddress], any Error>) {
        let waiting: CheckedContinuation<[IPAddress], any Error>? = state.withLock {
            guard case .awaited(let continuation) = $0 else {
                if case .open = $0, case .failure(let error) = result { $0 = .given(error) }
                return nil
            }
            $0 = .given(nil)
            return continuation
        }
        waiting?.resume(with: result)
    }
}
