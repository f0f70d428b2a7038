import Foundation

/// Prints at once, also where standard output is a file or a pipe: others wait for these lines.
func announce(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
}
