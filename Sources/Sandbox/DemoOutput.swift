/// What a person reads of the demo: numbered steps, commands behind `$`, answers indented, 100 columns.
struct DemoOutput: Sendable {
    private(set) var number = 0
    private(set) var sentence = "Starting."

    /// Begins the next step; it is also what a failure from here on is named after.
    mutating func step(_ sentence: String) {
        number += 1
        self.sentence = sentence
        let prefix = "\(number). "
        announce("\n" + Self.wrapped(words(sentence), first: prefix, next: indent(prefix.count)))
    }

    /// - Parameters:
    ///   - input: What the command reads from its standard input.
    func command(_ program: String, _ arguments: [String], input: String? = nil) {
        let feed = input.map { ["printf \(Self.quoted($0)) |"] } ?? []
        // An option and its value stay on one line.
        var pieces: [String] = []
        for argument in arguments.map(Self.quoted) {
            if !argument.hasPrefix("-"), let last = pieces.last, last.hasPrefix("--"), !last.contains(" ") {
                pieces[pieces.count - 1] += " " + argument
            } else {
                pieces.append(argument)
            }
        }
        announce(Self.wrapped(feed + [program] + pieces, first: "   $ ", next: "       ", lineEnd: " \\"))
    }

    /// A line that the person's shell needs to repeat what follows.
    func shown(_ line: String) {
        announce("   $ " + line)
    }

    /// A program's answer, line by line as it came.
    func answer(_ text: String) {
        for line in text.split(separator: "\n") { announce("     " + line) }
    }

    func note(_ sentence: String) {
        announce(Self.wrapped(words(sentence), first: "   ", next: "   "))
    }

    /// Words on lines that fit; a word that is longer than a line stays whole, so that it can be copied.
    static func wrapped(_ words: [String], first: String, next: String, lineEnd: String = "") -> String {
        var lines: [String] = []
        var line = first
        var isEmpty = true
        for word in words {
            if !isEmpty, line.count + 1 + word.count + lineEnd.count > 100 {
                lines.append(line + lineEnd)
                line = next
                isEmpty = true
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return (lines + [line]).joined(separator: "\n")
    }

    private func words(_ text: String) -> [String] {
        text.split(separator: " ").map(String.init)
    }

    private func indent(_ count: Int) -> String {
        String(repeating: " ", count: count)
    }

    /// For a POSIX shell, so that a shown command can be repeated.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.wholeMatch(of: /[A-Za-z0-9._\/:=@,%+-]+/) != nil
        return isPlain ? text : "'" + text.replacing("'", with: #"'\''"#) + "'"
    }
}

/// What was not as expected.
struct DemoProblem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    static func check(_ condition: Bool, _ problem: @autoclosure () -> String) throws {
        guard condition else { throw DemoProblem(problem()) }
    }
}
