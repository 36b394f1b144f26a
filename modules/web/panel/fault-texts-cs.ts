/** The Czech texts of the catalogue's codes. */

import type { FaultTexts } from "./fault-text.js";

export const cs: FaultTexts = {
  "pilot-shorted": [
    "Vozidlo nebo kabel má závadu na signálním vodiči.",
    "Odpojte vozidlo a zkuste jiný kabel nebo vozidlo. Opakuje-li se to, zavolejte elektrikáře.",
  ],
  "pilot-negative": [
    "Signální vodič zásuvky je vadný.",
    "Odpojte vozidlo. Opakuje-li se to, zavolejte elektrikáře.",
  ],
  "contactor-welded": [
    "Stykač se nerozpojil. Zásuvka může být pod napětím.",
    "Nevytahujte zástrčku. Vypněte stanici jističem a zavolejte elektrikáře.",
  ],
  "contactor-stuck-open": [
    "Stykač se nesepnul.",
    "Odpojte vozidlo a zkuste to znovu. Opakuje-li se to, zavolejte elektrikáře.",
  ],
  "residual-current": [
    "Proud uniká do země. Nabíjení se hned zastavilo.",
    "Odpojte vozidlo. Zapněte proudový chránič a zkuste jiný kabel nebo vozidlo. Opakuje-li se to, zavolejte elektrikáře.",
  ],
  "temperature-cut-off": [
    "Tepelná pojistka zastavila nabíjení.",
    "Odpojte vozidlo a nechte stanici vychladnout. Zavolejte elektrikáře, ať najde příčinu.",
  ],
  "residual-current-test-failed": [
    "Proudový chránič neprošel vlastní zkouškou.",
    "Stanici nepoužívejte. Zavolejte elektrikáře.",
  ],
  "earth-missing": [
    "Chybí ochranný vodič.",
    "Nedotýkejte se stanice ani kabelu vozidla. Zavolejte elektrikáře.",
  ],
  "phase-missing": [
    "Jedna fáze nemá napětí. Stanice nenabíjí.",
    "Zkontrolujte jistič. Je-li zapnutý, zavolejte elektrikáře.",
  ],
  "proximity-failed": [
    "Stanice nepoznala kabel.",
    "Odpojte kabel a znovu ho zapojte, nebo zkuste jiný. Opakuje-li se to, zavolejte elektrikáře.",
  ],
  "lock-failed": [
    "Zástrčku se nepodařilo zamknout.",
    "Odpojte kabel a zasuňte ho úplně. Opakuje-li se to, zavolejte elektrikáře.",
  ],
  "unlock-failed": [
    "Zástrčku se nepodařilo odemknout.",
    "Zástrčku trochu zatlačte a půl minuty počkejte. Zůstane-li zamčená, zavolejte elektrikáře.",
  ],
  "ventilation-required": [
    "Vozidlo vyžaduje větrání. Zde se nenabíjí.",
    "Nabijte toto vozidlo u stanice na větraném místě.",
  ],
  "firmware-stalled": [
    "Stanice byla zaneprázdněna déle než 3 sekundy. Nabíjení se přerušilo.",
    "Nabíjení samo pokračuje. Opakuje-li se to často, oznamte to výrobci.",
  ],
  "contactor-wear": [
    "Nabíjení příliš často začíná a končí. Přestávky se prodlužují.",
    "Zkontrolujte vozidlo, jeho zástrčku a řízení, které stanici pozastavuje. Několik minut poté bude nabíjení opět normální.",
  ],
  overheated: [
    "Stanice je uvnitř příliš horká. Nabíjení se přerušilo.",
    "Po vychladnutí pokračuje samo. Stává-li se to často, zastiňte stanici nebo snižte proud.",
  ],
  "thermometer-broken": [
    "Teploměr ve stanici je vadný. Stanice nabíjí pomalu.",
    "Zavolejte elektrikáře, ať ho vymění.",
  ],
  overcurrent: [
    "Vozidlo odebíralo větší proud, než je dovoleno. Nabíjení bylo zastaveno.",
    "Odpojte vozidlo a zkuste jiné. Opakuje-li se to, zavolejte elektrikáře.",
  ],
  "meter-silent": [
    "Elektroměr neodpovídá. Nabíjení pokračuje, ale energie může být nesprávná.",
    "Zavolejte elektrikáře, ať zkontroluje elektroměr a jeho kabel.",
  ],
  "meter-backwards": [
    "Stav elektroměru poskočil nebo klesl. Nabíjení pokračuje.",
    "Po výměně elektroměru nedělejte nic. Jinak zavolejte elektrikáře, ať ho zkontroluje.",
  ],
  "blocked-tag": [
    "Zablokovaná karta byla třikrát přiložena.",
    "Je-li to vaše karta, odblokujte ji na platformě. Jinak nedělejte nic.",
  ],
  "cards-guessed": [
    "Bylo přiloženo mnoho neznámých karet.",
    "Někdo možná hádá čísla karet. Platné karty fungují dál. Používejte karty, jejichž číslo nelze uhodnout.",
  ],
  "card-not-learned": [
    "Karta se nenaučila.",
    "Ověřte, že je stanice online a karta ještě není zapsaná. Přiložte ji znovu.",
  ],
  "card-reader-silent": [
    "Čtečka karet neodpovídá. Karty se nečtou; telefony fungují dál.",
    "Vypněte a zapněte stanici. Pokud se to opakuje, nechte zkontrolovat čtečku a její vodiče.",
  ],
  "session-not-stored": [
    "Do paměti stanice nelze zapisovat. Výpadek proudu by nabíjení ztratil.",
    "Nevypínejte proud ani síť, dokud se nabíjení neodešlou. Pak nechte vyměnit desku.",
  ],
  "session-log-full": [
    "Na platformu čeká příliš mnoho nabíjení. Nejstarší bylo zahozeno.",
    "Připojte stanici k platformě.",
  ],
  "sessions-of-previous-owner": [
    "Nabíjení předchozího majitele byla zahozena.",
    "Není třeba nic dělat. Předchozí majitel se může zeptat platformy.",
  ],
  "transfer-refused": [
    "Nový majitel předání nepřijal.",
    "Požádejte ho, ať je na platformě přijme, a zkuste to znovu.",
  ],
  "transfer-failed": [
    "Majitel se nezměnil.",
    "Zkuste to znovu, až žádné vozidlo nenabíjí a stanice je online.",
  ],
  "update-rolled-back": [
    "Nový firmware nefungoval. Běží zase předchozí.",
    "Ověřte, že síť funguje, a aktualizujte znovu. Selže-li to opět, požádejte výrobce o novější verzi.",
  ],
  "wifi-not-found": ["Síť Wi-Fi není v dosahu (jen 2,4 GHz).", "Zkontrolujte název nebo přibližte router."],
  "wifi-wrong-password": ["Síť Wi-Fi odmítla heslo.", "Zkontrolujte je."],
  "wifi-no-address": ["Síť Wi-Fi nepřidělila adresu.", "Zkontrolujte DHCP routeru."],
  "host-not-found": ["Server nebyl nalezen.", "Zkontrolujte jeho název."],
  "broker-unreachable": ["Server není dostupný.", "Zkontrolujte název a port."],
  "broker-no-answer": ["Server neodpovídá jako MQTT.", "Zkontrolujte port."],
  "broker-refused": ["Server odmítl přihlášení.", "Zkontrolujte e-mail a token."],
  "tls-failed": ["Šifrované spojení selhalo.", "Zkontrolujte název a certifikát serveru."],
  "clock-unknown": ["Čas není znám.", "Povolte stanici časový server (UDP port 123)."],
  "connection-lost": [
    "Spojení se serverem skončilo.",
    "Stanice se připojí znovu. Stává-li se to často, zkontrolujte síť.",
  ],
  "keep-alive-missed": [
    "Server přestal odpovídat.",
    "Stanice se připojí znovu. Stává-li se to často, zkontrolujte síť.",
  ],
  "protocol-error": ["Server poslal neplatnou odpověď.", "Zkontrolujte, že název a port patří serveru MQTT."],
  "no-socket": ["Stanice nemá volné spojení.", "Zavřete ostatní stránky panelu. Stanice to zkusí znovu."],
  "storage-failed": [
    "Nastavení funguje, ale nelze je uložit.",
    "Obnovte stanici a zkuste to znovu. Selže-li to opět, nechte vyměnit desku.",
  ],
  interrupted: ["Při zkoušení nastavení vypadl proud.", "Zkuste to znovu."],
  "given-up": ["Režim párování skončil při zkoušení nastavení.", "Podržte tlačítko 5 s a zkuste to znovu."],
  crashes: [
    "Stanice třikrát spadla. Je v nouzovém režimu a nenabíjí.",
    "Vypněte a zapněte proud. Opakuje-li se to, nahrajte jiný firmware.",
  ],
  "wiring-invalid": ["Stanice nezná své zapojení. Nenabíjí.", "Nechte desku znovu nastavit přes kabel."],
};
