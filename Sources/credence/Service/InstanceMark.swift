import Broker
import Glibc
import OAuth
import SQLiteStore

/// Tells a restored or copied data folder from the one that a service ran on last (security case R22).
///
/// `DATA/instance` holds what the store says of itself, and the number that the file system gave the database. A store that
/// was put back is behind it; a copy is another file; a restored backup has no such file at all.
struct InstanceMark {
    let folder: String

    private var path: String { folder + "/instance" }

    /// Why refreshes must wait; nil where this is the folder it was. Marks a new one.
    func doubt(of store: SQLiteStore, random: any RandomSource) async throws -> String? {
        guard let instance = try await store.instance() else {
            // New, or of before there were marks.
            try await write(SQLiteStore.Instance(id: random.bytes(16).hexadecimal, starts: 0), in: store)
            return nil
        }
        guard let bytes = PrivateFile.read(path, limit: 4096) else { return "it was restored from a backup, or copied" }
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        guard parts.count >= 3, let starts = Int(parts[1]) else { return "its mark, \(path), cannot be read" }
        guard parts[0] == instance.id else { return "its database is another installation's" }
        // A crash between the two writes of a start leaves the store one ahead.
        guard instance.starts == starts || instance.starts == starts + 1 else {
            return "its database is older than the folder: it was put back"
        }
        guard parts[2] == "\(inode)" else { return "its database is a copy: another file than the one that was used" }
        return nil
    }

    /// A service begins on it.
    func started(_ store: SQLiteStore) async throws {
        guard var instance = try await store.instance() else { return }
        instance.starts += 1
        try await write(instance, in: store)
    }

    /// This is the one in use from now on; what it was copied from is not.
    func claim(_ store: SQLiteStore, random: any RandomSource) async throws {
        try await write(SQLiteStore.Instance(id: random.bytes(16).hexadecimal, starts: 0), in: store)
    }

    private func write(_ instance: SQLiteStore.Instance, in store: SQLiteStore) async throws {
        try await store.set(instance: instance)
        let text = Array("\(instance.id)\n\(instance.starts)\n\(inode)\n".utf8)
        let new = path + ".new"
        let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw CommandFailure(.failed, "\(new) cannot be written.") }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0, rename(new, path) == 0
        else { throw CommandFailure(.failed, "\(path) cannot be written: is the disk full?") }
    }

    private var inode: UInt64 { DataFolder.fileNumber(of: folder + "/credence.db") }
}
