/**
 * The panel's texts of the catalogue's codes: what has happened, and what to do. A code without a text does not compile.
 * docs/faults.md has the English ones.
 */

import type { FaultTexts, Language } from "./fault-text.js";
import { uk } from "./fault-texts-uk.js";

const en: FaultTexts = {
  "pilot-shorted": [
    "The vehicle or the cable has a fault in the signal line.",
    "Unplug the vehicle, and try another cable or vehicle. If it happens again, call an electrician.",
  ],
  "pilot-negative": [
    "The signal line of the socket is defective.",
    "Unplug the vehicle. If it happens again, call an electrician.",
  ],
  "contactor-welded": [
    "The contactor does not open. The socket can be live.",
    "Do not pull the plug. Switch the station off at its circuit breaker and call an electrician.",
  ],
  "contactor-stuck-open": [
    "The contactor does not close.",
    "Unplug the vehicle and try again. If it happens again, call an electrician.",
  ],
  "residual-current": [
    "Current flows to earth. Charging was stopped at once.",
    "Unplug the vehicle. Reset the residual current device and try another cable or vehicle. If it happens again, call an electrician.",
  ],
  "temperature-cut-off": [
    "The temperature cut-off has stopped charging.",
    "Unplug the vehicle and let the station cool down. Call an electrician to look for the cause.",
  ],
  "firmware-stalled": [
    "The station was busy for more than 3 seconds. Charging was interrupted.",
    "Charging continues by itself. If it happens often, report it to the manufacturer.",
  ],
  "contactor-wear": [
    "Charging starts and stops too often. The pauses grow.",
    "Check the vehicle, its plug, and a control that pauses the station. Charging is normal again some minutes after it ends.",
  ],
  overheated: [
    "It is too hot inside the station. Charging is paused.",
    "Charging continues when it has cooled down. If it happens often, keep the station in the shade or lower the current limit.",
  ],
  "thermometer-broken": [
    "The thermometer inside the station is broken. The station charges slowly.",
    "Call an electrician to replace it.",
  ],
  overcurrent: [
    "The vehicle drew more current than allowed. Charging was stopped.",
    "Unplug the vehicle, and try another one. If it happens again, call an electrician.",
  ],
  "meter-silent": [
    "The energy meter does not answer. Charging continues, but the energy may be wrong.",
    "Call an electrician to check the meter and its cable.",
  ],
  "meter-backwards": [
    "The reading of the energy meter jumped or ran backwards. Charging continues.",
    "After an exchange of the meter, do nothing. Otherwise call an electrician to check it.",
  ],
  "blocked-tag": [
    "A blocked card was presented three times.",
    "If the card is yours, unblock it at the platform. Otherwise do nothing.",
  ],
  "cards-guessed": [
    "Many unknown cards were presented.",
    "Card numbers may have been guessed. Good cards go on working. Use cards whose numbers cannot be guessed.",
  ],
  "card-not-learned": [
    "A card was not learned.",
    "Check that the station is online and that the card is not registered yet. Swipe it again.",
  ],
  "card-reader-silent": [
    "The card reader does not respond. Cards are not read; phones go on working.",
    "Switch the station off and on. If it happens again, have the reader and its wires checked.",
  ],
  "session-not-stored": [
    "The station's memory cannot be written. A power cut would lose the session.",
    "Keep the power and the network on until the sessions are reported. Then have the board replaced.",
  ],
  "session-log-full": [
    "Too many sessions wait for the platform. The oldest was discarded.",
    "Connect the station to the platform.",
  ],
  "sessions-of-previous-owner": [
    "Sessions of the previous owner were discarded.",
    "Nothing needs to be done. The previous owner can ask the platform about them.",
  ],
  "transfer-refused": [
    "The new owner has not accepted the transfer.",
    "Ask the new owner to accept it at the platform, and try again.",
  ],
  "transfer-failed": [
    "The owner has not changed.",
    "Try again when no vehicle is charging and the station is online.",
  ],
  "update-rolled-back": [
    "The new firmware did not work. The previous one runs again.",
    "Check that the network works, and update again. If it fails again, ask the maker for a newer version.",
  ],
  "wifi-not-found": [
    "The Wi-Fi network is not in reach (2.4 GHz only).",
    "Check its name, and move the router closer.",
  ],
  "wifi-wrong-password": ["The Wi-Fi network refused the password.", "Check the password."],
  "wifi-no-address": ["The Wi-Fi network gave no address.", "Check DHCP in the router."],
  "host-not-found": ["The server was not found.", "Check its name."],
  "broker-unreachable": ["The server is not reachable.", "Check its name and port."],
  "broker-no-answer": ["The server does not answer as MQTT.", "Check the port."],
  "broker-refused": ["The server refused the login.", "Check e-mail and token."],
  "tls-failed": ["The encrypted connection failed.", "Check the server's name and certificate."],
  "clock-unknown": ["The time is unknown.", "Let the station reach a time server (UDP port 123)."],
  "connection-lost": ["The connection ended.", "It connects again. If that is frequent, check the network."],
  "keep-alive-missed": [
    "The server has stopped answering.",
    "The station connects again. If it happens often, check the network.",
  ],
  "protocol-error": ["The server sent an invalid answer.", "Check that host and port are of an MQTT server."],
  "no-socket": ["The station has no free connection.", "Close other panel pages. The station tries again."],
  "storage-failed": [
    "The parameters work, but could not be stored.",
    "Reset the station and try again. If it fails again, have the board replaced.",
  ],
  interrupted: ["The power failed while the parameters were tried.", "Try again."],
  "given-up": [
    "Pairing mode ended while the parameters were tried.",
    "Hold the button for 5 s and try again.",
  ],
  crashes: [
    "The station crashed three times. It is in safe mode and does not charge.",
    "Switch the power off and on. If it happens again, upload another firmware.",
  ],
  "wiring-invalid": [
    "The station does not know its wiring.",
    "Have the board provisioned again over its cable.",
  ],
};

const cs: FaultTexts = {
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

const de: FaultTexts = {
  "pilot-shorted": [
    "Fahrzeug oder Kabel haben einen Fehler in der Signalleitung.",
    "Fahrzeug abstecken und ein anderes Kabel oder Fahrzeug versuchen. Tritt es wieder auf, eine Elektrofachkraft rufen.",
  ],
  "pilot-negative": [
    "Die Signalleitung der Steckdose ist defekt.",
    "Fahrzeug abstecken. Tritt es wieder auf, eine Elektrofachkraft rufen.",
  ],
  "contactor-welded": [
    "Das Schütz öffnet nicht. Die Steckdose kann unter Spannung stehen.",
    "Den Stecker nicht ziehen. Die Station am Leitungsschutzschalter abschalten und eine Elektrofachkraft rufen.",
  ],
  "contactor-stuck-open": [
    "Das Schütz schließt nicht.",
    "Fahrzeug abstecken und noch einmal versuchen. Tritt es wieder auf, eine Elektrofachkraft rufen.",
  ],
  "residual-current": [
    "Strom fließt zur Erde ab. Das Laden wurde sofort beendet.",
    "Fahrzeug abstecken. Den Fehlerstromschutzschalter einschalten und ein anderes Kabel oder Fahrzeug versuchen. Tritt es wieder auf, eine Elektrofachkraft rufen.",
  ],
  "temperature-cut-off": [
    "Der Temperaturwächter hat das Laden beendet.",
    "Fahrzeug abstecken und die Station abkühlen lassen. Eine Elektrofachkraft die Ursache suchen lassen.",
  ],
  "firmware-stalled": [
    "Die Station war länger als 3 Sekunden beschäftigt. Das Laden wurde unterbrochen.",
    "Das Laden geht von selbst weiter. Geschieht es oft, den Hersteller benachrichtigen.",
  ],
  "contactor-wear": [
    "Das Laden beginnt und endet zu oft. Die Pausen werden länger.",
    "Fahrzeug, Stecker und eine Steuerung prüfen, die die Station pausiert. Einige Minuten danach ist das Laden wieder normal.",
  ],
  overheated: [
    "In der Station ist es zu heiß. Das Laden ist unterbrochen.",
    "Nach dem Abkühlen geht es weiter. Geschieht es oft, die Station beschatten oder den Strom begrenzen.",
  ],
  "thermometer-broken": [
    "Das Thermometer in der Station ist defekt. Die Station lädt langsam.",
    "Von einer Elektrofachkraft ersetzen lassen.",
  ],
  overcurrent: [
    "Das Fahrzeug hat mehr Strom bezogen als erlaubt. Das Laden wurde beendet.",
    "Das Fahrzeug abstecken und ein anderes versuchen. Geschieht es wieder, eine Elektrofachkraft rufen.",
  ],
  "meter-silent": [
    "Der Stromzähler antwortet nicht. Das Laden geht weiter, aber die Energie kann falsch sein.",
    "Zähler und Kabel von einer Elektrofachkraft prüfen lassen.",
  ],
  "meter-backwards": [
    "Der Stand des Stromzählers ist gesprungen oder gesunken. Das Laden geht weiter.",
    "Nach einem Tausch des Zählers ist nichts zu tun. Sonst von einer Elektrofachkraft prüfen lassen.",
  ],
  "blocked-tag": [
    "Eine gesperrte Karte wurde dreimal vorgehalten.",
    "Ist es Ihre Karte, auf der Plattform entsperren. Sonst ist nichts zu tun.",
  ],
  "cards-guessed": [
    "Viele unbekannte Karten wurden vorgehalten.",
    "Vielleicht errät jemand Kartennummern. Gültige Karten funktionieren weiter. Karten mit nicht erratbaren Nummern verwenden.",
  ],
  "card-not-learned": [
    "Eine Karte wurde nicht gelernt.",
    "Prüfen, ob die Station online ist und die Karte noch nicht eingetragen ist. Dann erneut vorhalten.",
  ],
  "card-reader-silent": [
    "Der Kartenleser antwortet nicht. Karten werden nicht gelesen; Telefone funktionieren weiter.",
    "Station aus- und einschalten. Bei Wiederholung Leser und Leitungen prüfen lassen.",
  ],
  "session-not-stored": [
    "Der Speicher der Station ist nicht beschreibbar. Bei Stromausfall ginge der Ladevorgang verloren.",
    "Strom und Netz anlassen, bis die Ladevorgänge gemeldet sind. Dann die Platine tauschen lassen.",
  ],
  "session-log-full": [
    "Zu viele Ladevorgänge warten auf die Plattform. Der älteste wurde verworfen.",
    "Die Station mit der Plattform verbinden.",
  ],
  "sessions-of-previous-owner": [
    "Ladevorgänge des vorigen Betreibers wurden verworfen.",
    "Es ist nichts zu tun. Der vorige Betreiber kann die Plattform fragen.",
  ],
  "transfer-refused": [
    "Der neue Betreiber hat die Übergabe nicht angenommen.",
    "Den neuen Betreiber bitten, sie auf der Plattform anzunehmen, und noch einmal versuchen.",
  ],
  "transfer-failed": [
    "Der Betreiber hat nicht gewechselt.",
    "Noch einmal versuchen, wenn kein Fahrzeug lädt und die Station online ist.",
  ],
  "update-rolled-back": [
    "Die neue Firmware hat nicht funktioniert. Die vorige läuft wieder.",
    "Das Netz prüfen und erneut aktualisieren. Scheitert es wieder, den Hersteller um eine neuere Version bitten.",
  ],
  "wifi-not-found": [
    "Das WLAN ist nicht in Reichweite (nur 2,4 GHz).",
    "Den Namen prüfen oder den Router näher stellen.",
  ],
  "wifi-wrong-password": ["Das WLAN hat das Passwort abgelehnt.", "Das Passwort prüfen."],
  "wifi-no-address": ["Das WLAN vergibt keine Adresse.", "DHCP im Router prüfen."],
  "host-not-found": ["Der Server wurde nicht gefunden.", "Den Namen prüfen."],
  "broker-unreachable": ["Der Server ist nicht erreichbar.", "Namen und Port prüfen."],
  "broker-no-answer": ["Der Server antwortet nicht auf MQTT.", "Den Port prüfen."],
  "broker-refused": ["Der Server lehnt die Anmeldung ab.", "E-Mail und Token prüfen."],
  "tls-failed": ["Die Verschlüsselung ist gescheitert.", "Namen und Zertifikat des Servers prüfen."],
  "clock-unknown": ["Die Uhrzeit ist unbekannt.", "Einen Zeitserver (UDP-Port 123) erlauben."],
  "connection-lost": [
    "Die Verbindung zum Server ist abgebrochen.",
    "Die Station verbindet sich wieder. Geschieht es oft, das Netz prüfen.",
  ],
  "keep-alive-missed": [
    "Der Server antwortet nicht mehr.",
    "Die Station verbindet sich wieder. Geschieht es oft, das Netz prüfen.",
  ],
  "protocol-error": [
    "Der Server hat eine ungültige Antwort gesendet.",
    "Prüfen, ob Name und Port zu einem MQTT-Server gehören.",
  ],
  "no-socket": [
    "Die Station hat keine freie Verbindung.",
    "Andere Seiten des Panels schließen. Die Station versucht es erneut.",
  ],
  "storage-failed": [
    "Die Einstellungen gelten, ließen sich aber nicht speichern.",
    "Die Station zurücksetzen und noch einmal versuchen. Scheitert es wieder, die Platine tauschen lassen.",
  ],
  interrupted: ["Beim Versuch der Einstellungen fiel der Strom aus.", "Noch einmal versuchen."],
  "given-up": [
    "Der Kopplungsmodus endete beim Versuch der Einstellungen.",
    "Die Taste 5 s halten und noch einmal versuchen.",
  ],
  crashes: [
    "Die Station ist dreimal abgestürzt. Sie ist im Notbetrieb und lädt nicht.",
    "Den Strom aus- und einschalten. Tritt es wieder auf, eine andere Firmware hochladen.",
  ],
  "wiring-invalid": [
    "Die Station kennt ihre Verdrahtung nicht.",
    "Die Platine über das Kabel neu einrichten lassen.",
  ],
};

export const faultTexts: Readonly<Record<Language, FaultTexts>> = { en, cs, de, uk };
