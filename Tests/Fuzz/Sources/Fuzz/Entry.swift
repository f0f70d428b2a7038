import Glibc

// SwiftPM names an executable's entry `Fuzz_main`; libFuzzer's own `main` then stands aside, and is called from here.

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// By `FUZZ_TARGET`: what is wrong with what becomes of an input.
private let faults: @Sendable ([UInt8]) -> [String] = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    if let target = ImportTarget(rawValue: name) { return { target.faults($0) } }
    guard let target = FuzzTarget(rawValue: name) else {
        let names = FuzzTarget.allCases.map(\.rawValue) + ImportTarget.allCases.map(\.rawValue)
        fail("FUZZ_TARGET is one of \(names.joined(separator: ", "))")
    }
    // To print all that there is takes most of the time: one input in eight, and always the same.
    return { target.faults($0, prints: $0.reduce(0, &+) % 8 == 0) }
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
    let faults = faults(input)
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
