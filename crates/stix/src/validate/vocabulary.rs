//! The open vocabularies and enumerations of STIX 2.1 §10, and the codes of other standards that it names.

pub(super) const ACCOUNT_TYPE: &str =
    "facebook ldap nis openid radius skype tacacs twitter unix windows-local windows-domain kavi";
pub(super) const ATTACK_MOTIVATION: &str = "accidental coercion dominance ideology notoriety organizational-gain \
    personal-gain personal-satisfaction revenge unpredictable";
pub(super) const ATTACK_RESOURCE_LEVEL: &str = "individual club contest team organization government";
pub(super) const ENCRYPTION_ALGORITHM: &str = "AES-256-GCM ChaCha20-Poly1305 mime-type-indicated";
pub(super) const EXTENSION_TYPE: &str =
    "new-sdo new-sco new-sro property-extension toplevel-property-extension";
pub(super) const GROUPING_CONTEXT: &str = "suspicious-activity malware-analysis unspecified";
pub(super) const HASH_ALGORITHM: &str = "MD5 SHA-1 SHA-256 SHA-512 SHA3-256 SHA3-512 SSDEEP TLSH";
pub(super) const IDENTITY_CLASS: &str = "individual group system organization class unknown";
pub(super) const IMPLEMENTATION_LANGUAGE: &str = "applescript bash c c++ c# go java javascript lua objective-c perl php \
    powershell python ruby scala swift typescript visual-basic x86-32 x86-64";
pub(super) const INDICATOR_TYPE: &str =
    "anomalous-activity anonymization benign compromised malicious-activity attribution unknown";
pub(super) const INDUSTRY_SECTOR: &str = "agriculture aerospace automotive chemical commercial communications \
    construction defense education energy entertainment financial-services government emergency-services government-local \
    government-national government-public-services government-regional healthcare hospitality-leisure infrastructure dams \
    nuclear water insurance manufacturing mining non-profit pharmaceuticals retail technology telecommunications \
    transportation utilities";
pub(super) const INFRASTRUCTURE_TYPE: &str = "amplification anonymization botnet command-and-control control-system \
    exfiltration firewall hosting-malware hosting-target-lists phishing reconnaissance routers-switches staging \
    workstation unknown";
pub(super) const MALWARE_CAPABILITY: &str = "accesses-remote-machines anti-debugging anti-disassembly anti-emulation \
    anti-memory-forensics anti-sandbox anti-vm captures-input-peripherals captures-output-peripherals \
    captures-system-state-data cleans-traces-of-infection commits-fraud communicates-with-c2 \
    compromises-data-availability compromises-data-integrity compromises-system-availability controls-local-machine \
    degrades-security-software degrades-system-updates determines-c2-server emails-spam escalates-privileges evades-av \
    exfiltrates-data fingerprints-host hides-artifacts hides-executing-code infects-files infects-remote-machines \
    installs-other-components persists-after-system-reboot prevents-artifact-access prevents-artifact-deletion \
    probes-network-environment self-modifies steals-authentication-credentials violates-system-operational-integrity";
pub(super) const MALWARE_RESULT: &str = "malicious suspicious benign unknown";
pub(super) const MALWARE_TYPE: &str = "adware backdoor bot bootkit ddos downloader dropper exploit-kit keylogger \
    ransomware remote-access-trojan resource-exploitation rogue-security-software rootkit screen-capture spyware trojan \
    unknown virus webshell wiper worm";
pub(super) const OPINION: &str = "strongly-disagree disagree neutral agree strongly-agree";
pub(super) const PATTERN_TYPE: &str = "stix pcre sigma snort suricata yara";
pub(super) const PROCESSOR_ARCHITECTURE: &str = "alpha arm ia-64 mips powerpc sparc x86 x86-64";
pub(super) const REGION: &str = "africa eastern-africa middle-africa northern-africa southern-africa western-africa \
    americas caribbean central-america latin-america-caribbean northern-america south-america asia central-asia \
    eastern-asia southern-asia south-eastern-asia western-asia europe eastern-europe northern-europe southern-europe \
    western-europe oceania antarctica australia-new-zealand melanesia micronesia polynesia";
pub(super) const REGISTRY_TYPE: &str = "REG_NONE REG_SZ REG_EXPAND_SZ REG_BINARY REG_DWORD REG_DWORD_BIG_ENDIAN \
    REG_DWORD_LITTLE_ENDIAN REG_LINK REG_MULTI_SZ REG_RESOURCE_LIST REG_FULL_RESOURCE_DESCRIPTION \
    REG_RESOURCE_REQUIREMENTS_LIST REG_QWORD REG_INVALID_TYPE";
pub(super) const REPORT_TYPE: &str = "attack-pattern campaign identity indicator intrusion-set malware observed-data \
    threat-actor threat-report tool vulnerability";
pub(super) const SERVICE_START: &str = "SERVICE_AUTO_START SERVICE_BOOT_START SERVICE_DEMAND_START SERVICE_DISABLED \
    SERVICE_SYSTEM_ALERT";
pub(super) const SERVICE_STATUS: &str = "SERVICE_CONTINUE_PENDING SERVICE_PAUSE_PENDING SERVICE_PAUSED SERVICE_RUNNING \
    SERVICE_START_PENDING SERVICE_STOP_PENDING SERVICE_STOPPED";
pub(super) const SERVICE_TYPE: &str = "SERVICE_KERNEL_DRIVER SERVICE_FILE_SYSTEM_DRIVER SERVICE_WIN32_OWN_PROCESS \
    SERVICE_WIN32_SHARE_PROCESS";
pub(super) const SOCKET_FAMILY: &str =
    "AF_UNSPEC AF_INET AF_IPX AF_APPLETALK AF_NETBIOS AF_INET6 AF_IRDA AF_BTH";
pub(super) const SOCKET_TYPE: &str = "SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET";
pub(super) const THREAT_ACTOR_ROLE: &str =
    "agent director independent infrastructure-architect infrastructure-operator malware-author sponsor";
pub(super) const THREAT_ACTOR_SOPHISTICATION: &str =
    "none minimal intermediate advanced expert innovator strategic";
pub(super) const THREAT_ACTOR_TYPE: &str = "activist competitor crime-syndicate criminal hacker insider-accidental \
    insider-disgruntled nation-state sensationalist spy terrorist unknown";
pub(super) const TOOL_TYPE: &str = "denial-of-service exploitation information-gathering network-capture \
    credential-exploitation remote-access vulnerability-scanning unknown";
pub(super) const WINDOWS_INTEGRITY: &str = "low medium high system";
pub(super) const WINDOWS_PE_TYPE: &str = "dll exe sys";

/// ISO 3166-1 alpha-2.
pub(super) const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN \
    BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER \
    ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO \
    IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML \
    MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT \
    PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN \
    TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// The two-letter languages of ISO 639-1.
pub(super) const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs \
    cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie \
    ig ii ik in io is it iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh \
    mi mk ml mn mo mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd \
    se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo \
    xh yi yo za zh zu";
