import OAuth
import ProviderImport
import ProviderProfiles
import Testing

@Suite("A profile's draft")
struct ProfileDraftTests {
    @Test("a name keeps letters, digits, points and underscores, and nothing else")
    func names() {
        #expect(ProfileDraft.name("Acme (EU) / CRM") == "Acme-EU-CRM")
        #expect(ProfileDraft.name("../../etc/passwd") == "etc-passwd")
        #expect(ProfileDraft.name("日本") == "imported")
        #expect(ProfileDraft.name(String(repeating: "a", count: 500)).count == 128)
    }

    @Test("braces of a literal are written twice")
    func literals() {
        #expect(ProfileDraft.literal("a{b}c") == "a{{b}}c")
    }
}
