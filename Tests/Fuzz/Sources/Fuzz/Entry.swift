import Glibc

// SwiftPM names an executable's entry `Fuzz_main`; libFuzzer's own `main` then stands aside, and is called from here.

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// By `FUZZ_TARGET`.
private let target: FuzzTarget = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        fail("FUZZ_TARGET is one of \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return target
}()

private func fail(_ text: String) -> Never {
    // No buffer stands between this and the end.
    let bytes = Array("\(text)\n".utf8)
    _ = write(2, bytes, bytes.count)
    abort()
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    // To print all that there is takes most of the time: one input in eight, and always the same.
    let faults = target.faults(input, prints: input.reduce(0, &+) % 8 == 0)
    // libFuzzer keeps the input of a process that aborts.
    if !faults.isEmpty { fail("FAULT \(faults.joined(separator: "; "))") }
    return 0
}

@_cdecl("Fuzz_main")
public func fuzzMain(
    _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
    var count = count
    var arguments = arguments
    return runDriver(&count, &arguments, testOneInput)
}
