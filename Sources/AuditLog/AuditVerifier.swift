import Broker

/// Reads a log from its first line to its last and says what does not fit: a line that was edited, taken out, put in or moved,
/// and an end that was cut off.
struct AuditVerifier {
    let keys: AuditKeys
    let heads: [AuditHead]
    /// Lines of the heads that nobody with the key signed.
    let brokenHeads: [Int]
    let headsPath: String

    private static let most = 100

    func verify(_ files: [String]) throws(AuditFailure) -> AuditVerification {
        var found = AuditVerification()
        found.files = files.count
        var expected: [Int: [UInt8]] = [:]
        for head in heads { expected[head.sequence] = head.line }
        var last: (sequence: Int, mac: [UInt8])?
        var fragment: (file: String, number: Int, text: [UInt8])?

        for file in files {
            let name = file.split(separator: "/").last.map(String.init) ?? file
            try AuditFiles.forEachLine(of: file) { line, number, _ throws(AuditFailure) in
                let place = "\(name), line \(number)"
                guard let chained = ChainedLine(line) else {
                    if let fragment {
                        Self.complain(&found, "\(fragment.file), line \(fragment.number) is no line of this log")
                    }
                    fragment = (name, number, Array(line))
                    return found.problems.count < Self.most
                }
                let next = (last?.sequence ?? 0) + 1
                if let cut = fragment {
                    // A crash leaves the beginning of the line that comes next, and the next start writes its number
                    // again. Anything else was put there.
                    if ChainedLine.number(in: cut.text[...]) == next, chained.sequence == next {
                        found.notes.append("\(cut.file), line \(cut.number) was cut by a crash")
                    } else {
                        Self.complain(&found, "\(cut.file), line \(cut.number) is no line of this log")
                    }
                    fragment = nil
                }
                found.lines += 1
                if found.first == nil { found.first = chained.sequence }
                if !chained.isAuthentic(keys.chain) {
                    Self.complain(&found, "\(place) (number \(chained.sequence)) was edited")
                }
                if let last {
                    if chained.sequence > next {
                        Self.complain(
                            &found,
                            chained.sequence == next + 1
                                ? "number \(next) is missing before \(place)"
                                : "numbers \(next) to \(chained.sequence - 1) are missing before \(place)")
                    } else if chained.sequence < next {
                        Self.complain(
                            &found, "\(place) (number \(chained.sequence)) stands behind number \(last.sequence)")
                    } else if !chained.previous.elementsEqual(last.mac) {
                        Self.complain(
                            &found, "\(place) (number \(chained.sequence)) does not follow the line before it")
                    }
                } else if chained.sequence > 1, AuditLine(chained.signed).text("action") == "store.restore",
                    chained.isAuthentic(keys.chain)
                {
                    found.notes.append(
                        "the log begins with a restored backup at number \(chained.sequence): what came before is with the original"
                    )
                } else if chained.sequence > 1 {
                    Self.complain(&found, "numbers 1 to \(chained.sequence - 1) are missing before \(place)")
                }
                if let signed = expected[chained.sequence] {
                    if chained.mac.elementsEqual(signed) {
                        found.heads += 1
                    } else {
                        Self.complain(&found, "\(place) (number \(chained.sequence)) is not the line that was signed")
                    }
                }
                last = (chained.sequence, Array(chained.mac))
                return found.problems.count < Self.most
            }
        }
        if let cut = fragment {
            if ChainedLine.number(in: cut.text[...]) == (last?.sequence ?? 0) + 1 {
                found.notes.append("\(cut.file), line \(cut.number) was cut by a crash")
            } else {
                Self.complain(&found, "\(cut.file), line \(cut.number) is no line of this log")
            }
        }
        found.last = last?.sequence
        checkHeads(&found)
        return found
    }

    private func checkHeads(_ found: inout AuditVerification) {
        for number in brokenHeads.prefix(3) {
            Self.complain(&found, "\(headsPath), line \(number) was not signed by this installation")
        }
        if let head = heads.last {
            if head.sequence > found.last ?? 0 {
                Self.complain(
                    &found,
                    "the end is missing: number \(head.sequence) was signed, and the log ends at \(found.last ?? 0)")
            }
        } else if found.lines > 0 {
            found.notes.append("there are no signed heads in \(headsPath): an end that was cut off cannot be told")
        }
    }

    private static func complain(_ found: inout AuditVerification, _ problem: String) {
        if found.problems.count < most { found.problems.append(problem) }
    }
}
