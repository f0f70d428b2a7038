import Broker
import Glibc

/// The files of one log in one folder: `audit.log`, and what was rotated out of it, `audit-FIRST-DAY.log`, where FIRST is
/// the number of its first line in twelve digits. By name they are in order.
struct AuditFiles: Sendable {
    let path: String

    private var slash: String.Index { path.lastIndex(of: "/") ?? path.startIndex }
    var folder: String { path.contains("/") ? String(path[..<slash]) : "." }
    private var name: String { path.contains("/") ? String(path[path.index(after: slash)...]) : path }
    private var stem: String { name.hasSuffix(".log") ? String(name.dropLast(4)) : name }

    /// - Parameters:
    ///   - first: the number of the file's first line.
    ///   - at: any moment of its last day.
    func rotated(first: Int, at moment: Timestamp) -> String {
        let digits = String(first)
        let padded = String(repeating: "0", count: max(0, 12 - digits.count)) + digits
        return "\(folder)/\(stem)-\(padded)-\(moment.iso8601.prefix(10).filter { $0 != "-" }).log"
    }

    /// A log of before there were chains.
    func unchained(at moment: Timestamp) -> String { "\(folder)/\(stem)-unchained-\(moment.milliseconds).log" }

    /// The rotated ones in order, and the current one last.
    func all() -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let rest = name.dropFirst(stem.count + 1)
            if name.hasPrefix("\(stem)-"), name.hasSuffix(".log"), rest.prefix(12).allSatisfy(\.isNumber),
                rest.count == 12 + 1 + 8 + 4
            {
                names.append("\(folder)/\(name)")
            }
        }
        return names.sorted() + (access(path, F_OK) == 0 ? [path] : [])
    }

    /// A crash between the two steps of a rotation leaves one file under two names: it is the current one still.
    func undoHalfRotation() {
        var current = stat()
        guard stat(path, &current) == 0, current.st_nlink > 1 else { return }
        for file in all() where file != path {
            var status = stat()
            if stat(file, &status) == 0, status.st_ino == current.st_ino, status.st_dev == current.st_dev {
                unlink(file)
            }
        }
    }

    /// The last whole line, and whether anything stands behind it that has no end.
    static func end(of path: String) throws(AuditFailure) -> (line: [UInt8]?, isCut: Bool) {
        let size = try size(of: path)
        let start = max(0, size - (1 << 20))
        let bytes = try read(path, from: start, count: size - start)
        let isCut = bytes.last.map { $0 != UInt8(ascii: "\n") } ?? false
        var lines = bytes.split(separator: UInt8(ascii: "\n"))
        if isCut { _ = lines.popLast() }
        return (lines.last.map { Array($0) }, isCut)
    }

    static func size(of path: String) throws(AuditFailure) -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else { throw unreadable(path) }
        return Int(status.st_size)
    }

    static func read(_ path: String, from start: Int, count: Int) throws(AuditFailure) -> [UInt8] {
        let reader = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard reader >= 0 else { throw unreadable(path) }
        defer { close(reader) }
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(reader, buffer.baseAddress! + filled, count - filled, off_t(start + filled))
            }
            guard got > 0 else { break }
            filled += got
        }
        bytes.removeLast(count - filled)
        return bytes
    }

    /// Every line, without its newline and without holding the file in memory; the last one also where it has no end.
    static func forEachLine(
        of path: String, _ body: (ArraySlice<UInt8>, _ number: Int, _ isCut: Bool) throws(AuditFailure) -> Bool
    ) throws(AuditFailure) {
        var place = 0
        var number = 0
        var rest: [UInt8] = []
        while true {
            let piece = try read(path, from: place, count: 1 << 20)
            if piece.isEmpty { break }
            place += piece.count
            rest.append(contentsOf: piece)
            var start = rest.startIndex
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                number += 1
                guard try body(rest[start..<end], number, false) else { return }
                start = end + 1
            }
            rest.removeFirst(start)
            guard rest.count <= 1 << 20 else {
                throw AuditFailure("\(path) holds a line of more than 1 MiB after line \(number): it is no audit log.")
            }
        }
        if !rest.isEmpty { _ = try body(rest[...], number + 1, true) }
    }

    static func unreadable(_ path: String) -> AuditFailure {
        AuditFailure("The audit log \(path) cannot be read: \(String(cString: strerror(errno))).")
    }
}
